/** Every local node has this image: busybox, linked statically, and nothing else. */
const IMAGE = 'local/busybox:1';

export interface ProbePodOptions {
  /** Run by busybox's shell; /tmp is writable. */
  readonly script: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly hostNetwork?: boolean;
}

/** A pod that passes the restricted Pod Security Standard, as far as hostNetwork allows, labelled `app: NAME`. */
export function probePod(name: string, { script, env = {}, hostNetwork = false }: ProbePodOptions): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      hostNetwork,
      terminationGracePeriodSeconds: 0,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'probe',
          image: IMAGE,
          imagePullPolicy: 'Never',
          args: ['sh', '-c', script],
          env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
        },
      ],
      volumes: [{ name: 'tmp', emptyDir: {} }],
    },
  };
}

/** Answers every request to `port` of the node's network with this JSON text. */
export function answeringPod(name: string, { port, answer }: { port: number; answer: string }): object {
  const handler = `
    length=0
    while read -r line; do
      line=$(printf %s "$line" | busybox tr -d '\\r')
      case $line in Content-Length:*) length=\${line#*: } ;; '') break ;; esac
    done
    busybox head -c "$length" >/dev/null
    printf 'HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %s\\r\\nConnection: close\\r\\n\\r\\n%s' "\${#ANSWER}" "$ANSWER"
  `;
  const script = `printf %s "$HANDLER" >/tmp/handler; exec busybox nc -ll -p ${port} -e sh /tmp/handler`;
  return probePod(name, { script, env: { HANDLER: handler, ANSWER: answer }, hostNetwork: true });
}
