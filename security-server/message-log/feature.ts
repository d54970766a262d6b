/** The log as a running server keeps it: tree heads signed, slices of what can wait done, abandoned exchanges closed. */
import path from 'node:path'
import type { FeatureModule } from '#platform/feature.ts'
import { watchWritable } from './check-writable.ts'
import type { MessageLog } from './message-log.ts'

type Ground = {
  node: string
  storedLog: { keyFolder: string; bodyFolder: string }
  messageLog: Pick<MessageLog, 'checkpointNow' | 'maintain' | 'closeAbandoned' | 'checkUsable'>
}

export const ownLog: FeatureModule<Ground> = {
  name: 'message-log',
  open: ({ messageLog, node, storedLog }) => ({
    jobs: [
      { kind: 'checkpoint', everySeconds: 5, run: async () => void (await messageLog.checkpointNow()) },
      { kind: 'maintain-log', everySeconds: 5, run: () => messageLog.maintain() },
      // What is under way is known to the node that began it.
      {
        ...{ kind: 'close-exchanges', everySeconds: 10, onEachNode: true },
        run: async () => void (await messageLog.closeAbandoned()),
      },
    ],
    health: {
      'message-log': () => {
        messageLog.checkUsable()
        return { ok: true }
      },
      // Where what arrives is spooled, and where the next log key will lie.
      files: watchWritable({
        'the folder of bodies': path.join(storedLog.bodyFolder, 'incoming', node),
        'the folder of log keys': storedLog.keyFolder,
      }),
    },
  }),
}
