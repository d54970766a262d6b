/**
 * The software token: a folder with one token file and one file per key. While it is locked it still lists
 * keys and certificates. Unlocked with the PIN, it returns private keys to this room as key objects. Each
 * change is one atomic write; changes run one after another.
 */
import type { KeyObject } from 'node:crypto'
import { chmod, mkdir, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#platform/clock.ts'
import { createTurn } from '#platform/in-turn.ts'
import { onNewest } from '#platform/shared-files/on-newest.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import {
  type KeyUsage,
  makeStoredKey,
  openStoredKey,
  readKeyFile,
  type StoredKey,
  writeKeyFile,
} from './key-file.ts'
import { checkNewPin, type PinInfo, type PinPolicy, pinInfo } from './pin-policy.ts'
import { openPinTries } from './pin-tries.ts'
import { readPrivate } from './read-private.ts'
import { type Sealed, seal, unseal } from './seal.ts'
import { makeTokenFile, openTokenFile, readTokenFile, type TokenFile } from './token-file.ts'
import { type RemoveFile, UNFINISHED, type WriteFile } from './write-durably.ts'

const MAX_KEYS = 1000

export type SoftwareToken = {
  initialized(): boolean
  unlocked(): boolean
  /**
   * Makes the token and leaves it unlocked. Throws `conflict` when there is one, `invalid_input` for a PIN
   * that the policy does not allow.
   */
  initialize(pin: string): Promise<void>
  /**
   * Unlocks the token. Throws `conflict` for one that is open, whose PIN is then not looked at, and
   * `pin_incorrect`; after five wrong attempts, for a growing time without checking the PIN. `isFromFile`:
   * the PIN of the settings, which waits for nobody's wrong ones and is counted as none.
   */
  login(pin: string, o?: { isFromFile?: boolean }): Promise<void>
  /** Removes every private key and the token key from memory. */
  logout(): void
  /** Throws as `login` and `initialize`. */
  changePin(oldPin: string, newPin: string): Promise<void>
  /** Since when the PIN holds, until when, and what new ones have to be like. */
  pin(): PinInfo
  keys(): StoredKey[]
  /** Throws `key_not_found`. */
  key(id: string): StoredKey
  /** Throws `token_not_active` while locked. */
  privateKey(id: string): KeyObject
  addKey(q: { privateKey: KeyObject; usage: KeyUsage; label: string }): Promise<StoredKey>
  /** Replaces a key's record with the result of `change`: on disk first, then in memory. */
  update(id: string, change: (key: StoredKey) => StoredKey): Promise<StoredKey>
  deleteKey(id: string): Promise<void>
  /** Takes over files that another node has changed. Throws `io_error`; what was known then stays. */
  reload(): Promise<void>
  /** Encrypts another key of this room under the token key; throws `token_not_active` while locked. */
  seal(context: string, plain: Buffer): Sealed
  /**
   * Undefined when the value was altered or sealed by another token; throws `token_not_active` while locked.
   */
  unseal(context: string, sealed: Sealed): Buffer | undefined
}

/**
 * Opens the token in `directory` (made when absent, mode 0700). Throws `io_error` for damaged files and for
 * files that others can read.
 */
export async function openSoftwareToken(q: {
  directory: string
  clock: Clock
  write: WriteFile
  policy: PinPolicy
  remove: RemoveFile
}): Promise<SoftwareToken> {
  const tokenPath = join(q.directory, 'token.json')
  const keysPath = join(q.directory, 'keys')
  await mkdir(keysPath, { recursive: true, mode: 0o700 })
  await chmod(q.directory, 0o700)
  const stored = await readKeys(keysPath)
  let tokenFile = await readToken(tokenPath)
  let tokenKey: Buffer | undefined
  const opened = new Map<string, KeyObject>()
  const tries = await openPinTries({
    file: join(q.directory, 'pin-tries.json'),
    clock: q.clock,
    write: q.write,
  })
  // A token file is written when its PIN is set, and at no other time.
  let pinSetAt = tokenFile?.pinSetAt ?? (tokenFile && (await stat(tokenPath)).mtimeMs)
  const inTurn = createTurn()

  function needUnlocked(): Buffer {
    if (tokenKey === undefined) throw new Fault('token_not_active')
    return tokenKey
  }

  function key(id: string): StoredKey {
    const found = stored.get(id)
    if (found === undefined) throw new Fault('key_not_found', { what: id.slice(0, 64) })
    return found
  }

  async function check(pin: string, isFromFile = false): Promise<Buffer> {
    if (tokenFile === undefined)
      throw new Fault('token_not_found', { what: say`the token is not initialized` })
    if (!isFromFile) tries.check()
    try {
      const opening = await openTokenFile(tokenFile, pin)
      await tries.right()
      return opening
    } catch (cause) {
      // A PIN file that is out of date is tried at each start, and nobody guesses with it.
      if (!isFromFile) await tries.wrong()
      throw cause
    }
  }

  function unlock(withKey: Buffer): void {
    for (const each of stored.values()) opened.set(each.id, openStoredKey(each, withKey))
    tokenKey = withKey
  }

  async function saveToken(made: TokenFile): Promise<void> {
    const file = { ...made, pinSetAt: q.clock() }
    await q.write(tokenPath, Buffer.from(JSON.stringify(file, null, 1)))
    tokenFile = file
    pinSetAt = file.pinSetAt
  }

  async function save(changed: StoredKey): Promise<StoredKey> {
    await q.write(join(keysPath, `${changed.id}.json`), writeKeyFile(changed))
    stored.set(changed.id, changed)
    return changed
  }

  async function readAgain(): Promise<void> {
    const [files, token] = [await readKeys(keysPath), await readToken(tokenPath)]
    const withKey = tokenKey
    const fresh = [...files.values()].filter(({ id }) => withKey !== undefined && !opened.has(id))
    const keys = fresh.map((each) => [each.id, openStoredKey(each, withKey!)] as const)
    for (const id of stored.keys()) if (!files.has(id)) opened.delete(id)
    stored.clear()
    for (const [id, each] of files) stored.set(id, each)
    for (const [id, each] of keys) opened.set(id, each)
    tokenFile = token
    pinSetAt = token?.pinSetAt
  }

  const change = <T>(act: () => Promise<T>): Promise<T> => inTurn(() => onNewest(act, readAgain))

  return {
    initialized: () => tokenFile !== undefined,
    unlocked: () => tokenKey !== undefined,
    initialize: (pin) =>
      change(async () => {
        if (tokenFile !== undefined)
          throw new Fault('conflict', { what: say`the token is initialized already` })
        checkNewPin(pin, q.policy)
        const made = await makeTokenFile(pin)
        await saveToken(made.file)
        unlock(made.tokenKey)
      }),
    login: (pin, { isFromFile = false } = {}) =>
      inTurn(async () => {
        // A wrong PIN would be counted, and lock out whoever has to log in later.
        if (tokenKey !== undefined)
          throw new Fault('conflict', { what: say`the token is open; lock it first to give its PIN anew` })
        unlock(await check(pin, isFromFile))
      }),
    logout() {
      tokenKey?.fill(0)
      tokenKey = undefined
      opened.clear()
    },
    changePin: (oldPin, newPin) =>
      change(async () => {
        // First, so that a PIN that may not be set costs no try.
        checkNewPin(newPin, q.policy, oldPin)
        const made = await makeTokenFile(newPin, await check(oldPin))
        await saveToken(made.file)
      }),
    pin: () => ({ ...pinInfo(q.policy, pinSetAt), ...tries.state() }),
    keys: () => [...stored.values()],
    key,
    privateKey(id) {
      key(id)
      const found = opened.get(id)
      if (found === undefined) throw new Fault('token_not_active')
      return found
    },
    addKey: ({ privateKey, usage, label }) =>
      inTurn(async () => {
        const secret = needUnlocked()
        if (stored.size >= MAX_KEYS)
          throw new Fault('conflict', { what: say`a token holds ${MAX_KEYS} keys` })
        const createdAt = new Date(q.clock())
        const made = makeStoredKey({ privateKey, usage, label, createdAt, tokenKey: secret })
        if (stored.has(made.id)) throw new Fault('conflict', { what: say`the token holds this key already` })
        await save(made)
        // Somebody may have locked the token meanwhile.
        if (tokenKey !== undefined) opened.set(made.id, privateKey)
        return made
      }),
    update: (id, alter) => change(() => save(alter(key(id)))),
    deleteKey: (id) =>
      change(async () => {
        key(id)
        await q.remove(join(keysPath, `${id}.json`))
        stored.delete(id)
        opened.delete(id)
      }),
    reload: () => inTurn(readAgain),
    seal: (context, plain) => seal(needUnlocked(), context, plain),
    unseal: (context, sealed) => unseal(needUnlocked(), context, sealed),
  }
}

async function readToken(path: string): Promise<TokenFile | undefined> {
  const text = await readPrivate(path)
  return text === undefined ? undefined : readTokenFile(text, path)
}

/**
 * Reads the key files of this folder. Throws `io_error` for damaged files and for files that others can read.
 */
export async function readKeys(folder: string): Promise<Map<string, StoredKey>> {
  const keys = new Map<string, StoredKey>()
  for (const name of (await readdir(folder)).sort()) {
    const path = join(folder, name)
    // A crash before the rename left it: the old file, if there is one, is valid.
    if (name.endsWith(UNFINISHED)) await unlink(path)
    if (!name.endsWith('.json')) continue
    const text = await readPrivate(path)
    if (text === undefined) continue
    const key = readKeyFile(text, path)
    keys.set(key.id, key)
  }
  return keys
}
