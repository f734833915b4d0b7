import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

/** What a node could leave behind on the machine. Two of these are equal when nothing was left and nothing was lost. */
export interface MachineTraces {
  /** Command lines of those processes whose program is one of the node's. */
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly links: readonly string[];
  readonly routes: readonly string[];
  readonly networkNamespaces: readonly string[];
  readonly controlGroups: readonly string[];
  /** Kernel settings that kubelet and kube-proxy write. */
  readonly settings: readonly string[];
  /** Entries of the directories in which containerd, kubelet and CNI plugins keep things by habit. */
  readonly directories: readonly string[];
}

export async function machineTraces(): Promise<MachineTraces> {
  const settings = ['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/panic_on_oops'];
  settings.push('kernel/keys/root_maxkeys', 'kernel/keys/root_maxbytes', 'net/ipv4/ip_forward');
  const directories = ['/run', '/run/lock', '/var/lib', '/var/log', '/opt', '/etc', '/mnt'];
  return {
    processes: await nodeProcesses(),
    mounts: lines(await readFile('/proc/self/mounts', 'utf8')),
    links: names(await output('ip', '-o', 'link', 'show')),
    routes: lines(await output('ip', '-4', 'route', 'show', 'table', 'all')),
    networkNamespaces: lines(await output('lsns', '--type', 'net', '--noheadings', '--output', 'NS')),
    controlGroups: lines(await output('find', '/sys/fs/cgroup', '-name', 'ace-local-node*')),
    settings: await Promise.all(settings.map((name) => readFile(`/proc/sys/${name}`, 'utf8'))),
    directories: (await Promise.all(directories.map(entriesOf))).flat(),
  };
}

/** Seen by the file that they execute, however they are called and in whichever namespace they are. */
async function nodeProcesses(): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const found = await Promise.all(pids.map(commandOfNodeProcess));
  return found.filter((command) => command !== '');
}

async function commandOfNodeProcess(pid: string): Promise<string> {
  const program = await readlink(`/proc/${pid}/exe`).catch(() => '');
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const ours = /\/(local-node|node)\/bin\/(kube|etcd|containerd|runc|ctr)|^\/(pause|bin\/busybox)$/.test(
    program,
  );
  return ours || command.includes('hack/local-node/') ? `${pid} ${command.replaceAll('\0', ' ')}` : '';
}

async function entriesOf(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory).catch(() => []);
  return entries.map((entry) => `${directory}/${entry}`).sort();
}

async function output(program: string, ...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(program, args)).stdout;
}

/** Of `ip -o link`: the second field, without the peer. The rest of a line counts packets and the like. */
function names(links: string): readonly string[] {
  return lines(links).map((line) => (line.split(' ')[1] ?? '').replace(/(@.*)?:$/, ''));
}

function lines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .sort();
}
