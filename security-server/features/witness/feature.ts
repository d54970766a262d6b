/**
 * Witnesses: those of this server's log, this server as a witness of other logs, and the tree heads in
 * partners' replies.
 */
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import type { FeatureModule } from '#platform/feature.ts'
import { lookApart } from '#platform/jobs/looks.ts'
import type { Services } from '#platform/services.ts'
import { witnessMigrations } from '#platform/witness/store.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import { witnessHandlers } from './handlers.ts'
import {
  openWitnessRoom,
  type WitnessRoom,
  type WitnessSettings,
  watchWitnesses,
} from './open-witness-room.ts'
import { partnerMigrations } from './partners/tables.ts'

type Ground = Omit<Parameters<typeof openWitnessRoom>[0], 'settings'> &
  Pick<Services, 'metrics'> & { settings: WitnessSettings; messageLog: Pick<MessageLog, 'treeHead'> }

/** With the second that a look may come late: five, and ten, as documents promise. */
const SUBMIT_LOOK_MS = 4_000
const PARTNERS_LOOK_MS = 9_000

export const witness: FeatureModule<Ground, { witnessRoom: WitnessRoom }> = {
  name: 'witness',
  migrations: { ...witnessMigrations, ...partnerMigrations },
  open: async (ground) => {
    const witnessRoom = await openWitnessRoom(ground)
    const { witnesses, partners, registryLog } = witnessRoom
    watchWitnesses(ground.metrics, witnessRoom, ground.clock)
    return {
      operations: witnessHandlers({ messageLog: ground.messageLog, witnessRoom }),
      routes: { peers: witnessRoom.routes },
      jobs: [
        {
          // What another node signed before it crashed, no look here sees.
          ...{ kind: 'submit-checkpoint', everySeconds: ground.database.dialect === 'sqlite' ? 30 : 5 },
          isDue: lookApart(SUBMIT_LOOK_MS, ground.clock, () => {
            const head = ground.messageLog.treeHead()
            return head !== undefined && witnesses?.isBehind(parseCheckpoint(head).size) === true
          }),
          run: async () => witnesses?.submit(),
        },
        // Each node has its own list of tree heads from replies.
        {
          ...{ kind: 'check-partner-logs', everySeconds: 30, onEachNode: true },
          isDue: lookApart(PARTNERS_LOOK_MS, ground.clock, partners.hasHeard),
          run: () => partners.check(),
        },
        ...(registryLog === undefined
          ? []
          : [
              { kind: 'cosign-registry-log', everySeconds: 30, run: () => registryLog.cosign() },
              // Each node keeps its own file, so that none signs against another after a restore of the
              // database.
              {
                ...{ kind: 'follow-registry-log', everySeconds: 30, onEachNode: true },
                run: () => registryLog.follow(),
              },
            ]),
      ],
      health: {
        ...(witnesses !== undefined && { witnesses: witnesses.health }),
        ...(registryLog !== undefined && { 'registry-log': registryLog.health }),
      },
      offers: { witnessRoom },
    }
  },
}
