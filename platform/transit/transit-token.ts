/**
 * A token whose keys are in the transit engine of an OpenBao or Vault. They are made there and never leave it: digests go there, signatures
 * come back, and each is verified before it is used. It opens by itself, with what the settings name, and again when it was away or sealed.
 */
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto'
import { optionsOf, plainMethod, type RemoteKey } from '#core/signature/signing-key.ts'
import type { Clock } from '#platform/clock.ts'
import type { KeyPlace } from '#platform/pkcs11/generate.ts'
import type { HardwareToken } from '#platform/pkcs11/hardware-token.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { createTransitConnection, type TransitPlace } from './connection.ts'
import { keyIn, objectIdOf, placeOf, signatureIn, signingBody, TYPES } from './transit-keys.ts'

const MAKE_LIMIT_MS = 60_000
const MOST_LISTED = 200

/** Starts to look for it; `changed` is called on each change of its state. */
export function createTransitToken(q: {
  place: TransitPlace
  clock: Clock
  changed?: (() => void) | undefined
}): HardwareToken {
  const { place } = q
  const name = `token ${place.label}`
  const keysPath = `${place.mount}/keys`
  const { ask, demand, state, look, ready, close } = createTransitConnection(q)

  async function signDigest(
    objectId: string,
    method: Parameters<RemoteKey['sign']>[0],
    data: Buffer,
  ): Promise<Buffer> {
    const { name: key, version } = placeOf(objectId)
    const digest = createHash(method.digest).update(data).digest()
    const { signature } = await demand({
      ...{ method: 'POST', path: `${place.mount}/sign/${key}/sha2-${method.digest.slice(3)}` },
      body: signingBody(method, { digest, version }),
    })
    return signatureIn(signature)
  }

  function remoteKey({ objectId, publicKey: spki }: KeyPlace): RemoteKey {
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    return {
      publicKey,
      async sign(method, data) {
        const value = await signDigest(objectId, method, data)
        if (!verify(method.digest, data, { key: publicKey, ...optionsOf(method) }, value))
          throw new Fault('token_unavailable', { what: `${name} gave a signature that does not verify` })
        return value
      },
    }
  }

  async function prove(at: KeyPlace): Promise<KeyPlace> {
    const key = remoteKey(at)
    await key.sign(plainMethod(key, 'sha256'), randomBytes(32))
    return at
  }

  async function destroy(objectId: string): Promise<void> {
    const path = `${keysPath}/${placeOf(objectId).name}`
    const { status } = await ask({ method: 'GET', path })
    if (status === 404) return
    await demand({ method: 'POST', path: `${path}/config`, body: { deletion_allowed: true } })
    await demand({ method: 'DELETE', path })
  }

  const opensItself = async (): Promise<never> => {
    throw new Fault('invalid_input', {
      what: say`this token has no PIN: it opens by itself, with what the settings name`,
    })
  }
  return {
    label: place.label,
    ...{ state, look, ready, close },
    ...{ login: opensItself, logout: opensItself, changePin: opensItself, destroy },
    async generate(algorithm, _label) {
      const key = `${place.keyPrefix}${randomBytes(8).toString('hex')}`
      const body = { type: TYPES[algorithm], exportable: false, allow_plaintext_backup: false }
      const path = `${keysPath}/${key}`
      await demand({ method: 'POST', path, body, limitMs: MAKE_LIMIT_MS })
      try {
        const { publicKey, unfit, objectId } = keyIn(key, await demand({ method: 'GET', path }))
        if (unfit !== undefined || publicKey === undefined)
          throw new Fault('token_unavailable', { what: `${name} made a key that may not be used: ${unfit}` })
        return await prove({ objectId, publicKey })
      } catch (thrown) {
        await destroy(objectIdOf({ name: key, version: 1 })).catch(() => undefined)
        throw thrown
      }
    },
    async keys() {
      const { status, json } = await ask({ method: 'GET', path: `${keysPath}?list=true` })
      // Without any key the engine answers that nothing is there.
      if (status === 404) return []
      if (status !== 200) await demand({ method: 'GET', path: `${keysPath}?list=true` })
      const names = ((json['data'] ?? {}) as { keys?: unknown }).keys
      const listed = (Array.isArray(names) ? names : [])
        .filter(
          (one): one is string => typeof one === 'string' && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,250}$/.test(one),
        )
        .slice(0, MOST_LISTED)
      const found = []
      for (const one of listed) {
        const { publicKey: _, ...key } = keyIn(
          one,
          await demand({ method: 'GET', path: `${keysPath}/${one}` }),
        )
        found.push(key)
      }
      return found
    },
    async adopt(objectId) {
      const { name: key } = placeOf(objectId)
      const { status, json } = await ask({ method: 'GET', path: `${keysPath}/${key}` })
      const found = status === 200 ? keyIn(key, json['data']) : undefined
      if (found?.objectId !== objectId) throw new Fault('key_not_found', { what: key })
      if (found.unfit !== undefined || found.publicKey === undefined)
        throw new Fault('conflict', { what: found.unfit })
      return prove({ objectId, publicKey: found.publicKey })
    },
    key: remoteKey,
  }
}
