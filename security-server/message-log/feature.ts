/**
 * The jobs and checks of the log in a running server: signing tree heads, maintenance, closing abandoned
 * exchanges.
 */
import path from 'node:path'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { FeatureModule } from '#platform/feature.ts'
import { lookApart } from '#platform/jobs/looks.ts'
import { watchWritable } from './bodies/check-writable.ts'
import { segmentFolder } from './bodies/segment-place.ts'
import { rotateWhenDue } from './keys/rotate-when-due.ts'
import type { MessageLog } from './message-log.ts'
import type { BodyPlace } from './settings.ts'

type Ground = {
  database: Pick<Database, 'dialect'>
  node: string
  clock: Clock
  settings: { logKeyDays?: number }
  storedLog: { keyFolder: string; bodyFolder: string; bodyPlace?: BodyPlace | undefined }
  messageLog: Pick<
    MessageLog,
    | 'checkpointNow'
    | 'treeHead'
    | 'size'
    | 'mayHaveAbandoned'
    | 'maintain'
    | 'closeAbandoned'
    | 'deleteUnusedBodies'
    | 'checkUsable'
    | 'logKeys'
    | 'rotateLogKey'
  >
}

/** With the second that a look may come late: five, and ten. */
const CHECKPOINT_LOOK_MS = 4_000
const CLOSE_LOOK_MS = 9_000

export const ownLog: FeatureModule<Ground> = {
  name: 'message-log',
  open: ({ database, messageLog, node, storedLog, clock, settings: { logKeyDays } }) => ({
    jobs: [
      {
        // What another node appended before it crashed, no look here sees.
        ...{ kind: 'checkpoint', everySeconds: database.dialect === 'sqlite' ? 30 : 5 },
        isDue: lookApart(CHECKPOINT_LOOK_MS, clock, () => sizeSigned(messageLog) !== messageLog.size()),
        run: async () => void (await messageLog.checkpointNow()),
      },
      { kind: 'maintain-log', everySeconds: 5, run: () => messageLog.maintain() },
      // Only the node that began an exchange knows whether it is still under way.
      {
        ...{ kind: 'close-exchanges', everySeconds: 30, onEachNode: true },
        isDue: lookApart(CLOSE_LOOK_MS, clock, messageLog.mayHaveAbandoned),
        run: async () => void (await messageLog.closeAbandoned()),
      },
      // Apart from it: a large body takes seconds, and one that cannot be deleted must not keep exchanges
      // open.
      {
        ...{ kind: 'delete-unused-bodies', everySeconds: 10, onEachNode: true },
        run: () => messageLog.deleteUnusedBodies(),
      },
      ...(logKeyDays === undefined
        ? []
        : [
            {
              ...{ kind: 'rotate-log-key', everySeconds: 3600 },
              run: async () => void (await rotateWhenDue(messageLog, logKeyDays, clock)),
            },
          ]),
    ],
    health: {
      'message-log': () => {
        messageLog.checkUsable()
        return { ok: true }
      },
      // The folders for bodies as they arrive and of those that share files, where they are files, and the
      // folder for the next log key.
      files: watchWritable({
        ...(storedLog.bodyPlace !== 'database' && {
          'the folder of bodies': path.join(storedLog.bodyFolder, 'incoming', node),
          'the folder of shared body files': segmentFolder(storedLog.bodyFolder, node),
        }),
        'the folder of log keys': storedLog.keyFolder,
      }),
    },
  }),
}

/** How many records the newest tree head covers that this node knows of. */
function sizeSigned({ treeHead }: Pick<MessageLog, 'treeHead'>): number {
  const head = treeHead()
  return head === undefined ? 0 : parseCheckpoint(head).size
}
