import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { readSimpleYaml } from '../api/read-yaml.ts';
import type { Loaded } from './access.ts';
import { impersonatedGroups } from './impersonation.ts';
import { pathsOf, plainLoaded } from './plain-credentials.ts';

/** Not empty: client-node takes an empty text for one that is missing. */
const given = z.string().min(1);
/** client-node looks at every path in a file. */
const path = z.string().nullish();
const contexts = z.array(z.object({ name: given, context: z.looseObject({ cluster: given }) }));
const clusters = z.array(
  z.object({ name: given, cluster: z.looseObject({ server: given, 'certificate-authority': path }) }),
);
const users = z.array(
  z.object({
    name: given,
    user: z.looseObject({ 'client-certificate': path, 'client-key': path }).nullish(),
  }),
);
const kubeconfig = z.object({
  'current-context': z.string().nullish(),
  contexts: contexts.nullish(),
  clusters: clusters.nullish(),
  users: users.nullish(),
});

const chosenContext = z.object({ cluster: given, user: given });
const chosenCluster = z.object({
  server: z.string().startsWith('https:'),
  'certificate-authority': z.string().optional(),
  'certificate-authority-data': z.string().optional(),
  'insecure-skip-tls-verify': z.boolean().optional(),
  'tls-server-name': z.string().optional(),
  'proxy-url': z.string().optional(),
});
// Strict: whatever else is there (exec, auth-provider, what is yet to be invented) is not for us to leave out.
const chosenUser = z.strictObject({
  'client-certificate': z.string().optional(),
  'client-certificate-data': z.string().optional(),
  'client-key': z.string().optional(),
  'client-key-data': z.string().optional(),
  token: z.string().optional(),
  tokenFile: given.optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  as: z.string().optional(),
  'as-groups': z.unknown().optional(),
});

/** What a user is refused for, or what of it is read, though another one is chosen. */
const HEEDED_OF_OTHERS = ['tokenFile', 'token-file'];

type Content = z.infer<typeof kubeconfig>;
type User = z.infer<typeof users>[number];

/** The content of a kubeconfig, and its file; a Secret has none, and names none. */
interface Source {
  readonly content: Content;
  readonly file: string | undefined;
}

/**
 * What a context of kubeconfig files says, merged as kubectl merges them, if its user takes no more than reading files: a token, a
 * certificate, a name and a password.
 *
 * client-node reads every kubeconfig and runs plugins, too; it costs a process 37 MB and most of a second before that. What is read
 * here means the same there, in all files and for all that is in them: whatever it would refuse, or might take otherwise, is left to it.
 *
 * @param context - undefined: the first current one
 * @returns undefined when it is left to client-node
 * @throws the system's error when a file cannot be read, or {Error} when a token file is empty
 */
export function plainFiles(files: readonly string[], context?: string): Loaded | undefined {
  const sources: Source[] = [];
  for (const file of files) {
    const content = contentOf(readSimpleYaml(readFileSync(file, 'utf8')));
    if (content === undefined) return undefined;
    sources.push({ content, file });
  }
  return chosen(sources, context, files.join(', '));
}

/**
 * The same of a kubeconfig in a Secret, of which no path is followed.
 *
 * @returns undefined when it is left to client-node, or to be refused
 */
export function plainText(text: string): Loaded | undefined {
  const read = readSimpleYaml(text);
  // client-node gets it as JSON, and takes no text with these in it.
  if (/[^\x20-\x7e]/.test(JSON.stringify(read) ?? '')) return undefined;
  const content = contentOf(read);
  return content && chosen([{ content, file: undefined }], undefined, '');
}

/** @returns undefined when any entry is not as it ought to be, or of a kind of impersonation that is not obeyed */
function contentOf(read: unknown): Content | undefined {
  const content = kubeconfig.safeParse(read).data;
  try {
    if (content?.users) impersonatedGroups({ users: content.users });
    return content;
  } catch {
    return undefined;
  }
}

function chosen(sources: readonly Source[], wanted: string | undefined, source: string): Loaded | undefined {
  const name = wanted ?? sources.map(({ content }) => content['current-context']).find(Boolean);
  const context = chosenContext.safeParse(
    named(sources, (content) => content.contexts, name)?.entry.context,
  ).data;
  const cluster = named(sources, (content) => content.clusters, context?.cluster);
  const user = named(sources, (content) => content.users, context?.user);
  const clusterFields = chosenCluster.safeParse(cluster?.entry.cluster).data;
  const userFields = chosenUser.safeParse(user?.entry.user).data;
  // Over HTTP a credential is shown to whoever listens; client-node refuses that, but for some.
  if (!cluster || !user || !clusterFields || !userFields || isMixed(sources, user.entry)) return undefined;
  const isFile = cluster.file !== undefined && user.file !== undefined;
  if (!isFile && pathsOf(clusterFields, userFields).length > 0) return undefined;
  return plainLoaded(
    {
      entry: { ...clusterFields, server: clusterFields.server.replace(/\/$/, '') },
      file: cluster.file ?? '',
    },
    { entry: userFields, file: user.file ?? '' },
    {
      groups: impersonatedGroups({ users: [user.entry] }).get(user.entry.name),
      place: [source, `context ${name}`].filter(Boolean).join(', '),
    },
  );
}

/** Of two entries of one name the first counts. */
function named<T extends { readonly name: string }>(
  sources: readonly Source[],
  listOf: (content: Content) => readonly T[] | null | undefined,
  name: string | null | undefined,
): { readonly entry: T; readonly file: string | undefined } | undefined {
  for (const { content, file } of sources) {
    const entry = listOf(content)?.find((one) => one.name === name);
    if (entry) return { entry, file };
  }
  return undefined;
}

/** Whether client-node's reader heeds something of other users: files of theirs, groups of one who has the same name. */
function isMixed(sources: readonly Source[], user: User): boolean {
  const others = sources.flatMap(({ content }) => content.users ?? []).filter((one) => one !== user);
  return others.some(({ name, user: fields }) => {
    const heeded = name === user.name ? [...HEEDED_OF_OTHERS, 'as-groups'] : HEEDED_OF_OTHERS;
    return heeded.some((key) => fields?.[key] !== undefined);
  });
}
