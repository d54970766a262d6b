/**
 * A token whose keys are in the transit engine of an OpenBao or Vault. They are made there and never leave
 * it: digests go there, signatures come back, and each is verified before it is used. It opens by itself,
 * with what the settings name, and again when it was away or sealed.
 */
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto'
import { optionsOf, plainMethod, type RemoteKey } from '#core/signature/signing-key.ts'
import type { Clock } from '#platform/clock.ts'
import { createPlaces } from '#platform/in-turn.ts'
import type { KeyPlace } from '#platform/pkcs11/generate.ts'
import type { HardwareToken } from '#platform/pkcs11/hardware-token.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { createTransitConnection, type TransitPlace } from './connection.ts'
import { keyIn, placeOf, signatureIn, signingBody, TYPES } from './transit-keys.ts'

const MAKE_LIMIT_MS = 60_000
const MOST_LISTED = 1000
/** Keys that are asked for at a time. */
const AT_A_TIME = 8
/** So often what a failed creation may have left is looked for. */
const MOST_SWEEPS = 20

/** Starts to look for it; `changed` is called on each change of its state. */
export function createTransitToken(q: {
  place: TransitPlace
  clock: Clock
  changed?: (() => void) | undefined
}): HardwareToken {
  const { place } = q
  const name = `token ${place.label}`
  const keysPath = `${place.mount}/keys`
  const { ask, demand, judge, forget, ...connection } = createTransitConnection(q)
  /** Names of keys that may have been made although we got no answer, and how often they were looked for. */
  const orphans = new Map<string, number>()

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

  function remoteKey({ objectId, publicKey: spki }: KeyPlace, isInUse = true): RemoteKey {
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    return {
      publicKey,
      async sign(method, data) {
        const value = await signDigest(objectId, method, data)
        const isGood = verify(method.digest, data, { key: publicKey, ...optionsOf(method) }, value)
        if (isInUse) judge(objectId, isGood)
        if (!isGood)
          throw new Fault('token_unavailable', { what: `${name} gave a signature that does not verify` })
        return value
      },
    }
  }

  async function prove(at: KeyPlace): Promise<KeyPlace> {
    const key = remoteKey(at, false)
    await key.sign(plainMethod(key, 'sha256'), randomBytes(32))
    return at
  }

  /**
   * A newer version, or another of our keys that is a version of it, keeps the whole key: the engine has no
   * act that destroys one version.
   */
  async function destroy(objectId: string, kept: readonly string[] = []): Promise<void> {
    const { name: key, version } = placeOf(objectId)
    forget(objectId)
    if (kept.some((one) => placeOf(one).name === key)) return
    const path = `${keysPath}/${key}`
    const { status, json } = await ask({ method: 'GET', path })
    if (status === 404) return
    if (status === 200 && Number((json['data'] as Record<string, unknown>)?.['latest_version']) !== version)
      return
    await remove(path)
  }

  async function remove(path: string): Promise<void> {
    await demand({ method: 'POST', path: `${path}/config`, body: { deletion_allowed: true } })
    await demand({ method: 'DELETE', path })
  }

  async function removeIfThere(path: string): Promise<boolean> {
    const { status } = await ask({ method: 'GET', path })
    if (status === 200) await remove(path)
    return status === 200
  }

  /**
   * Removes what a creation left behind that failed or was not answered in time; it may have been carried out
   * later.
   */
  async function sweep(): Promise<void> {
    for (const [key, times] of [...orphans]) {
      if (connection.state().state !== 'open') return
      if (times + 1 >= MOST_SWEEPS) orphans.delete(key)
      else orphans.set(key, times + 1)
      const path = `${keysPath}/${key}`
      const gone = await removeIfThere(path).catch(() => false)
      if (gone) orphans.delete(key)
    }
  }

  const opensItself = async (): Promise<never> => {
    throw new Fault('invalid_input', {
      what: say`this token has no PIN: it opens by itself, with what the settings name`,
    })
  }
  return {
    label: place.label,
    ...connection,
    async look() {
      await connection.look()
      await sweep()
    },
    ...{ login: opensItself, logout: opensItself, changePin: opensItself, destroy },
    async generate(algorithm, _label) {
      const key = `${place.keyPrefix}${randomBytes(8).toString('hex')}`
      const body = { type: TYPES[algorithm], exportable: false, allow_plaintext_backup: false }
      const path = `${keysPath}/${key}`
      try {
        await demand({ method: 'POST', path, body, limitMs: MAKE_LIMIT_MS })
        const { publicKey, unfit, objectId } = keyIn(key, await demand({ method: 'GET', path }))
        if (unfit !== undefined || publicKey === undefined)
          throw new Fault('token_unavailable', { what: `${name} made a key that may not be used: ${unfit}` })
        return await prove({ objectId, publicKey })
      } catch (thrown) {
        orphans.set(key, 0)
        await sweep()
        throw thrown
      }
    },
    async keys() {
      const { status, json } = await ask({ method: 'GET', path: `${keysPath}?list=true` })
      // Without any key the engine answers that nothing is there.
      if (status === 404) return []
      if (status !== 200) await demand({ method: 'GET', path: `${keysPath}?list=true` })
      const names = ((json['data'] ?? {}) as { keys?: unknown }).keys
      const listed = (Array.isArray(names) ? names : []).filter(
        (one): one is string => typeof one === 'string' && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,250}$/.test(one),
      )
      if (listed.length > MOST_LISTED)
        throw new Fault('conflict', {
          what: say`the transit engine has more than ${MOST_LISTED} keys: they are not listed. Give this server a mount of its own`,
        })
      const { run } = createPlaces(AT_A_TIME)
      return Promise.all(
        listed.map((one) =>
          run(async () => {
            const { publicKey: _, ...key } = keyIn(
              one,
              await demand({ method: 'GET', path: `${keysPath}/${one}` }),
            )
            return key
          }),
        ),
      )
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
    key: (at) => remoteKey(at),
  }
}
