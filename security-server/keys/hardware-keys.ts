/**
 * Signing keys on a token of PKCS #11 or in a transit engine. The private keys never leave it; a folder here
 * keeps the certificates and requests of each key. The keys are listed even while the token is away.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { RemoteKey } from '#core/signature/signing-key.ts'
import type { Clock } from '#platform/clock.ts'
import { createTurn } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { HardwareToken, TokenState } from '#platform/pkcs11/hardware-token.ts'
import type { TokenPlace } from '#platform/pkcs11/open-session.ts'
import type { FoundKey } from '#platform/pkcs11/token-keys.ts'
import { onNewest } from '#platform/shared-files/on-newest.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { KeyAlgorithm } from './generate-key.ts'
import { newKey, type StoredKey, writeKeyFile } from './key-file.ts'
import { checkNewPin, type PinInfo, type PinPolicy, pinInfo } from './pin-policy.ts'
import { readPrivate } from './read-private.ts'
import { readKeys } from './software-token.ts'
import type { Token } from './tokens.ts'
import type { RemoveFile, WriteFile } from './write-durably.ts'

/**
 * A hardware token of the settings. `pin` is tried once, and only when the token reports no earlier wrong
 * attempt.
 */
export type HardwareTokenPlace = TokenPlace & { id: string; pin?: string | undefined }

export type HardwareKeys = Token &
  Pick<HardwareToken, 'login' | 'logout' | 'state' | 'close' | 'look'> & {
    label: string
    type: 'HARDWARE' | 'TRANSIT'
    /**
     * Since when the PIN holds, if it was set from here, and what new ones have to be like; undefined where
     * there is none.
     */
    pin(): PinInfo | undefined
    /**
     * Throws `invalid_input` for a PIN that the policy does not allow, and as `HardwareToken.changePin` does.
     */
    setPin(oldPin: string, newPin: string): Promise<void>
    /** Makes a signing key on the token. Throws as `HardwareToken.generate` does. */
    generate(q: { label: string; algorithm: KeyAlgorithm }): Promise<StoredKey>
    /** The keys on the token that have no record here. Throws as `HardwareToken.keys` does. */
    found(): Promise<FoundKey[]>
    /**
     * Takes one of these keys into use. Throws `conflict` when it has a record here or `isKnown` says so, and
     * as `HardwareToken.adopt` does.
     */
    adopt(q: {
      objectId: string
      label: string | undefined
      isKnown(keyId: string): boolean
    }): Promise<StoredKey>
    /** Takes over records that another node has changed. */
    reload(): Promise<void>
  }

const MAX_KEYS = 1000
/** When the PIN was set from here; no record of a key ends so. */
const PIN_FILE = 'pin-set-at'

async function readPinSetAt(file: string): Promise<number | undefined> {
  const ms = Number((await readPrivate(file)) ?? Number.NaN)
  return Number.isSafeInteger(ms) ? ms : undefined
}

/** Reads the key records in `directory` (made when absent) and starts to look for the token. */
export async function openHardwareKeys(q: {
  place: { id: string; label: string; pin?: string | undefined }
  type: HardwareKeys['type']
  /** Makes the token, which tells of each change of its state. */
  make(changed: () => void): HardwareToken
  directory: string
  clock: Clock
  write: WriteFile
  policy: PinPolicy
  remove: RemoveFile
  log: Pick<Log, 'error'> | undefined
  /** Called when the token was removed, came back, or was logged in to. */
  changed(): void
}): Promise<HardwareKeys> {
  await mkdir(q.directory, { recursive: true, mode: 0o700 })
  const stored = await readKeys(q.directory)
  const remote = new Map<string, RemoteKey>()
  const inTurn = createTurn()
  let pin = q.place.pin
  const pinFile = join(q.directory, PIN_FILE)
  let pinSetAt = await readPinSetAt(pinFile)
  const token = q.make(() => {
    tryPin()
    q.changed()
  })
  const name = `token ${q.place.label}`

  /** Tries the PIN as soon as the token is there, and only once: a refused PIN is not tried again. */
  function tryPin(): void {
    if (pin === undefined || token.state().state !== 'locked') return
    const once = Buffer.from(pin)
    pin = undefined
    // A failure shows in the token's state.
    const tried = token.login(once, { careful: true }).catch(() => undefined)
    void tried.finally(() => once.fill(0))
  }

  function key(id: string): StoredKey {
    const found = stored.get(id)
    if (found === undefined) throw new Fault('key_not_found', { what: id.slice(0, 64) })
    return found
  }

  function remoteKey({ id, objectId, spki }: StoredKey): RemoteKey {
    const known = remote.get(id) ?? token.key({ objectId: objectId!, publicKey: spki })
    remote.set(id, known)
    return known
  }

  async function save(changed: StoredKey): Promise<StoredKey> {
    await q.write(join(q.directory, `${changed.id}.json`), writeKeyFile(changed))
    stored.set(changed.id, changed)
    return changed
  }

  async function readAgain(): Promise<void> {
    const files = await readKeys(q.directory)
    for (const id of stored.keys()) if (!files.has(id)) remote.delete(id)
    stored.clear()
    for (const [id, each] of files) stored.set(id, each)
  }

  const objectIds = (): Set<string | undefined> => new Set([...stored.values()].map((each) => each.objectId))

  function mustHaveRoom(): void {
    if (stored.size >= MAX_KEYS) throw new Fault('conflict', { what: say`a token holds ${MAX_KEYS} keys` })
  }

  const stateOf = (): TokenState['state'] => token.state().state
  return {
    id: q.place.id,
    label: q.place.label,
    type: q.type,
    state: token.state,
    login: token.login,
    logout: token.logout,
    look: token.look,
    pin: () => (q.type === 'TRANSIT' ? undefined : pinInfo(q.policy, pinSetAt)),
    async setPin(oldPin, newPin) {
      checkNewPin(newPin, q.policy, oldPin)
      const [from, to] = [oldPin, newPin].map((text) => Buffer.from(text.normalize('NFC'))) as [
        Buffer,
        Buffer,
      ]
      try {
        await token.changePin(from, to)
      } finally {
        from.fill(0)
        to.fill(0)
      }
      pinSetAt = q.clock()
      // The token has the new PIN already: whoever is told of an error would try the old one again, and lock
      // it.
      await q
        .write(pinFile, Buffer.from(String(pinSetAt)))
        .catch((err: unknown) =>
          q.log?.error({ err, token: q.place.id }, 'the time of a new PIN was not written'),
        )
    },
    close: token.close,
    keys: () => [...stored.values()],
    unlocked: () => stateOf() === 'open',
    away: () => stateOf() === 'away',
    signingKey(id) {
      const found = key(id)
      const { state, reason } = token.state()
      if (state === 'away') throw new Fault('token_unavailable', { what: `${name}: ${reason ?? 'away'}` })
      if (state === 'locked') throw new Fault('token_not_active', { what: name })
      return remoteKey(found)
    },
    update: (id, change) => inTurn(() => onNewest(() => save(change(key(id))), readAgain)),
    reload: () => inTurn(readAgain),
    generate: ({ label, algorithm }) =>
      inTurn(async () => {
        mustHaveRoom()
        const { objectId, publicKey } = await token.generate(algorithm, label)
        const createdAt = new Date(q.clock())
        return save({ ...newKey({ spki: publicKey, usage: 'SIGNING', label, createdAt }), objectId })
      }),
    async found() {
      const ours = objectIds()
      return (await token.keys()).filter(({ objectId }) => !ours.has(objectId))
    },
    adopt: ({ objectId, label, isKnown }) =>
      inTurn(async () => {
        if (objectIds().has(objectId)) throw new Fault('conflict', { what: say`the key is adopted already` })
        mustHaveRoom()
        // Only for its label: what cannot be listed may still be adopted.
        const there = (await token.keys().catch(() => [])).find((each) => each.objectId === objectId)
        const { publicKey } = await token.adopt(objectId)
        const createdAt = new Date(q.clock())
        const named = label ?? there?.label ?? ''
        const adopted = newKey({ spki: publicKey, usage: 'SIGNING', label: named, createdAt })
        if (isKnown(adopted.id))
          throw new Fault('conflict', { what: say`the key lies in another place already` })
        return save({ ...adopted, objectId, adopted: true })
      }),
    deleteKey: (id) =>
      inTurn(async () => {
        const { objectId, adopted } = key(id)
        // The token first: a crash in between leaves a record without a key, not a key without a record.
        const kept = [...stored.values()].flatMap((one) => (one.id === id ? [] : (one.objectId ?? [])))
        if (adopted !== true) await token.destroy(objectId!, kept)
        await onNewest(() => q.remove(join(q.directory, `${id}.json`)), readAgain)
        stored.delete(id)
        remote.delete(id)
      }),
  }
}
