/** Handlers of the operations on the configuration's signing keys. */
import { randomUUID } from 'node:crypto'
import { publicKeyOf, readCertificate } from '#core/certificate/certificate.ts'
import type { SigningKey } from '#core/signature/signing-key.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { instanceOf } from '../../members/instance.ts'
import type { MemberStore } from '../../members/store.ts'
import type { KeyAlgorithm, KeyHome, PrivateKeys } from './private-keys.ts'
import { isKnown, stateOfKey } from './rules.ts'
import { selfSignedCertificate } from './self-signed.ts'
import type { SigningKeyRow, SigningKeyStore } from './store.ts'

type Rooms = {
  store: SigningKeyStore
  privateKeys: PrivateKeys
  members: MemberStore
  clock: Clock
}

export function signingKeyHandlers(rooms: Rooms): Record<string, OperationHandler> {
  const { store, privateKeys } = rooms
  const named = async (): Promise<Set<string>> => new Set((await store.list()).map(({ id }) => id))

  async function add(where: KeyHome, make: (id: string) => Promise<SigningKey>) {
    const commonName = `${await instanceOf(rooms.members)} configuration signing`
    const at = new Date(rooms.clock())
    const id = randomUUID()
    // The file comes first: a crash in between leaves a key without a row, which is harmless.
    const key = await make(id)
    const certificate = await selfSignedCertificate({ key, commonName, at })
    return describeKey(await store.add({ id, certificate, at: at.toISOString() }), where, rooms.clock())
  }

  return {
    addSigningKey: ({ body }) => {
      const { algorithm, token } = body as { algorithm: KeyAlgorithm; token: KeyHome }
      return add(token, (id) => privateKeys.create(id, algorithm, token))
    },
    getFoundSigningKeys: async () => privateKeys.found(await named()),
    adoptSigningKey: async ({ params }) => {
      const objectId = params['objectId']!.toLowerCase()
      const present = await named()
      return add('token', (id) => privateKeys.adopt(id, objectId, present))
    },
    activateSigningKey: async ({ params, query }) => {
      const { force } = query as { force: boolean }
      const id = params['id']!.toLowerCase()
      if (!(await store.list()).some((key) => key.id === id)) throw new Fault('key_not_found', { what: id })
      // Otherwise a node without the file or the token could leave the whole instance without a signature.
      await privateKeys.ready(id)
      await store.activate(id, { at: new Date(rooms.clock()).toISOString(), force })
    },
    deleteSigningKey: async ({ params }) => {
      const id = params['id']!.toLowerCase()
      const isNamed = (await store.list()).some((key) => key.id === id)
      // A deletion that stopped after its row was gone can be repeated.
      if (!isNamed && (await privateKeys.whereIs(id)) === undefined)
        throw new Fault('key_not_found', { what: id })
      await privateKeys.checkRemovable(id)
      if (isNamed) await store.remove(id)
      await privateKeys.remove(id)
    },
  }
}

/** Describes a key for administrators. */
export function describeKey(
  { id, certificate, is_active, created_at, known_at, activated_at }: SigningKeyRow,
  token: KeyHome | undefined,
  now: number,
) {
  const read = readCertificate(certificate)
  return {
    id,
    active: is_active === 1,
    state: stateOfKey({ is_active, activated_at }),
    // Null when no publication has named it yet.
    knownFrom: known_at,
    known: isKnown({ known_at }, new Date(now).toISOString()),
    // Null when its file is not on this node.
    token: token ?? null,
    createdAt: created_at,
    algorithm: publicKeyOf(read).asymmetricKeyType === 'ec' ? 'EC' : 'RSA',
    certificateSha256: read.sha256,
    notAfter: read.notAfter.toISOString(),
  }
}
