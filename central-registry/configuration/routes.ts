/** Handlers of the operations on the configuration: its state, its anchors, and publishing at once. */
import { anchorHash, writeAnchor } from '#core/configuration/anchor.ts'
import type { Clock } from '#platform/clock.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { instanceOf } from '../members/instance.ts'
import type { MemberStore } from '../members/store.ts'
import type { Publish } from './publish.ts'
import type { PrivateKeys } from './signing-keys/private-keys.ts'
import { describeKey } from './signing-keys/routes.ts'
import type { SigningKeyStore } from './signing-keys/store.ts'
import type { PublicationStore } from './store.ts'

type Rooms = {
  store: PublicationStore
  members: MemberStore
  keys: SigningKeyStore
  privateKeys: Pick<PrivateKeys, 'whereIs'>
  publish: Publish
  clock: Clock
  publicUrl: string
  /** Whether a grace for contracts is published. */
  outageGrace: boolean
  /** The URLs of the other nodes. */
  otherUrls?: readonly string[] | undefined
}

export function configurationHandlers(rooms: Rooms): Record<string, OperationHandler> {
  const { keys, members, store } = rooms

  async function anchor(kind: string): Promise<Buffer> {
    const instance = await instanceOf(members)
    const signing = await keys.list()
    const newest = signing.at(-1)
    if (newest === undefined)
      throw new Fault('conflict', {
        what: say`there is no signing key yet: POST /configuration/signing-keys`,
      })
    return writeAnchor({
      // The time of the newest key: it changes only when the content of the anchor changes, because people
      // compare the anchor's hash.
      generatedAt: new Date(newest.created_at),
      instance,
      // Sorted, so that every node writes the same anchor.
      sources: [...new Set([rooms.publicUrl, ...(rooms.otherUrls ?? [])])].sort().map((url) => ({
        downloadUrl: `${url}/${kind}conf`,
        verificationCerts: signing.map((key) => key.certificate),
      })),
    })
  }

  return {
    getConfiguration: async () => {
      const newest = (await store.newest()) ?? null
      return {
        newest,
        parts: newest === null ? [] : await store.parts(newest.index),
        publicUrl: rooms.publicUrl,
        outageGrace: rooms.outageGrace,
        signingKeys: await Promise.all(
          (await keys.list()).map(async (key) =>
            describeKey(key, await rooms.privateKeys.whereIs(key.id), rooms.clock()),
          ),
        ),
      }
    },
    publishConfiguration: async () => {
      const publication = await rooms.publish()
      if (publication === undefined)
        throw new Fault('conflict', { what: say`there is no instance or no signing key yet` })
      return publication
    },
    getAnchor: async ({ params }) => {
      const xml = await anchor(params['kind']!)
      return answer(xml, { headers: { 'x-anchor-hash': anchorHash(xml) } })
    },
  }
}
