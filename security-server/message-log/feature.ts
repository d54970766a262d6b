/** The log as a running server keeps it: tree heads signed, slices of what can wait done, abandoned exchanges closed. */
import type { FeatureModule } from '#platform/feature.ts'
import type { MessageLog } from './message-log.ts'

type Ground = {
  messageLog: Pick<MessageLog, 'checkpointNow' | 'maintain' | 'closeAbandoned' | 'checkUsable'>
}

export const ownLog: FeatureModule<Ground> = {
  name: 'message-log',
  open: ({ messageLog }) => ({
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
    },
  }),
}
