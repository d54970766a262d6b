/** Handlers of the operations on the configuration: its state, anchors, signing keys, publishing now. */
import { anchorHash, writeAnchor } from '#core/configuration/anchor.ts'
import type { Clock } from '#platform/clock.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { type Changed, instanceOf } from '../members/routes.ts'
import type { MemberStore } from '../members/store.ts'
import type { Publish } from './publish.ts'
import type { KeyAlgorithm, SigningKey, SigningKeys } from './signing-key.ts'
import type { PublicationStore } from './store.ts'

type Rooms = {
  store: PublicationStore
  members: MemberStore
  keys: SigningKeys
  publish: Publish
  publicUrl: string
  clock: Clock
  changed: Changed
}

export function configurationHandlers(rooms: Rooms): Record<string, OperationHandler> {
  const { keys, members } = rooms

  async function anchor(kind: string): Promise<Buffer> {
    const newest = await rooms.store.newest()
    return writeAnchor({
      generatedAt: new Date(newest?.generatedAt ?? rooms.clock()),
      instance: await instanceOf(members),
      sources: [
        {
          downloadUrl: `${rooms.publicUrl}/${kind === 'external' ? 'externalconf' : 'internalconf'}`,
          verificationCerts: keys.all().map((key) => key.certificate),
        },
      ],
    })
  }

  return {
    getConfiguration: async () => ({
      newest: (await rooms.store.newest()) ?? null,
      signingKeys: keys.all().map(describe),
    }),
    publishConfiguration: () => rooms.publish(),
    getAnchor: async ({ params }) => {
      const xml = await anchor(params['kind']!)
      return answer(xml, { headers: { 'x-anchor-hash': anchorHash(xml) } })
    },
    addSigningKey: async ({ body }) => {
      const { algorithm } = body as { algorithm: KeyAlgorithm }
      const added = await keys.add({
        algorithm,
        instance: await instanceOf(members),
        at: new Date(rooms.clock()),
      })
      rooms.changed()
      return describe(added)
    },
    activateSigningKey: async ({ params }) => {
      await keys.activate(params['id']!)
      rooms.changed()
    },
    deleteSigningKey: async ({ params }) => {
      await keys.remove(params['id']!)
      rooms.changed()
    },
  }
}

function describe({ id, active, createdAt, key }: SigningKey): object {
  return { id, active, createdAt, algorithm: key.asymmetricKeyType === 'ec' ? 'EC' : 'RSA' }
}
