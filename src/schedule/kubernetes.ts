import { ClawbackError } from '../errors.ts';
import type { NightlyJob, Unit } from './unit.ts';

/** A CronJob. JSON strings are YAML strings, so whatever a word holds stays one word. */
export function kubernetesUnit({ argv, timetable, jitterMs, writableDirs, image }: NightlyJob): Unit {
  if (image === undefined) {
    throw new ClawbackError('usage', 'schedule kubernetes: --image is missing', {
      hint: 'name an image that has clawback in it, e.g. --image registry.example/openclaw-clawback:1',
    });
  }
  const [stateDir = '/'] = writableDirs;
  const zone = timetable.timeZone === undefined ? '' : `\n  timeZone: ${JSON.stringify(timetable.timeZone)}`;
  const text = `apiVersion: batch/v1
kind: CronJob
metadata:
  name: clawback
spec:
  schedule: ${JSON.stringify(timetable.cron)}${zone}
  # Never two at a time; one that could not start within an hour waits for the next night.
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: ${3600 + Math.round(jitterMs / 1000)}
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          # The gateway's own user: the files of its sessions are readable to nobody else.
          securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 }
          containers:
            - name: clawback
              image: ${JSON.stringify(image)}
              command: ${JSON.stringify(argv)}
              # AWS_* and CLAWBACK_*
              envFrom: [{ secretRef: { name: clawback, optional: true } }]
              resources: { requests: { cpu: 100m, memory: 256Mi }, limits: { memory: 512Mi } }
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
              volumeMounts: [{ name: state, mountPath: ${JSON.stringify(stateDir)} }]
          volumes:
            # The volume that the gateway keeps its state on.
            - name: state
              persistentVolumeClaim: { claimName: openclaw-state }
`;
  return {
    files: [{ path: 'clawback-cronjob.yaml', text }],
    enable: [],
    notes: [
      'kubectl apply -f clawback-cronjob.yaml, after claimName and runAsUser are those of your gateway',
      "in another pod the gateway's lock cannot be seen: clawback finds it by its port only if OPENCLAW_GATEWAY_PORT answers on 127.0.0.1, so run this in the gateway's pod or stop the gateway",
    ],
  };
}
