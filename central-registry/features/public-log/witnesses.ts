/**
 * Who cosigns the log, for administrators: the witnesses of the policy, and the security servers that bring
 * their cosignatures; and which of them know another history of it.
 */
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { asFault } from '#schemas/fault.ts'
import { encodedId } from '../../members/rules.ts'
import type { Served } from './served-checkpoint.ts'
import type { ServerWitnessStore } from './server-witnesses-store.ts'
import type { PublicLogStore } from './store.ts'

type Rooms = {
  store: Pick<PublicLogStore, 'newest' | 'newestCosigned' | 'provenContradictions'>
  servers: Pick<ServerWitnessStore, 'list'>
  policy: WitnessPolicy | undefined
  served(): Promise<Served>
}

/** Two notes each; more of them tell administrators nothing new. */
const MOST_CONTRADICTIONS = 20

/** Undefined where the settings have no `publicLog`. */
export function logWitnessHandlers(rooms: Rooms | undefined): Record<string, OperationHandler> {
  return {
    getPublicLogWitnesses: async () => {
      if (rooms === undefined) return { configured: false }
      const { store, servers, policy, served } = rooms
      const names = policy?.witnesses.map(({ name }) => name) ?? []
      const cosigned = await store.newestCosigned(names)
      const shown = await served().catch((thrown: unknown) => {
        if (asFault(thrown).code === 'not_found') return undefined
        throw thrown
      })
      return {
        configured: true,
        size: (await store.newest())?.size ?? 0,
        served: shown === undefined ? null : { size: shown.size, hasQuorum: shown.hasQuorum },
        policy: names.map((name) => {
          const row = cosigned.find(({ witness }) => witness === name)
          return { name, size: row?.size ?? 0, cosignedAt: row?.time ?? null }
        }),
        servers: (await servers.list()).map(({ server, name, verifier_key, size, cosigned_at }) => ({
          ...{ server: encodedId(server), name, verifierKey: verifier_key, size, cosignedAt: cosigned_at },
          isInPolicy: names.includes(name),
        })),
        contradictions: (await store.provenContradictions(MOST_CONTRADICTIONS)).map(
          ({ time, witness, kind, own_note, known_note }) => ({
            ...{ time, witness, kind, ownCheckpoint: own_note, knownCheckpoint: known_note || null },
          }),
        ),
      }
    },
  }
}
