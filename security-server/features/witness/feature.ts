/** Witnesses: those of this server's log, this server as a witness of other logs, and the tree heads in partners' replies. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { witnessMigrations } from '#platform/witness/store.ts'
import { witnessHandlers } from './handlers.ts'
import {
  openWitnessRoom,
  type WitnessRoom,
  type WitnessSettings,
  watchWitnesses,
} from './open-witness-room.ts'
import { partnerMigrations } from './partners/tables.ts'

type Ground = Omit<Parameters<typeof openWitnessRoom>[0], 'settings'> &
  Pick<Services, 'metrics'> & { settings: WitnessSettings }

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
        { kind: 'submit-checkpoint', everySeconds: 5, run: async () => witnesses?.submit() },
        // Each node has its own list of tree heads from replies.
        { kind: 'check-partner-logs', everySeconds: 10, onEachNode: true, run: () => partners.check() },
        ...(registryLog === undefined
          ? []
          : [
              { kind: 'cosign-registry-log', everySeconds: 30, run: () => registryLog.cosign() },
              // Each node keeps its own file, so that none signs against another after a restore of the database.
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
