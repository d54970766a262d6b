/**
 * The accounts of this server at CAs, for officers: looked at, forgotten here, or ended at the CA too. The
 * next order by a forgotten one makes another key and account; a CA that binds accounts once wants a new
 * `kid` for it.
 */
import { hash } from 'node:crypto'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { openSession, readDirectory } from './acme/session.ts'
import type { RenewalRooms } from './rooms.ts'
import { accountPlace } from './rules.ts'

type AccountRooms = Pick<RenewalRooms, 'node' | 'keys' | 'store'> & {
  /** Undefined while the settings have no `acme`. */
  http: RenewalRooms['http'] | undefined
}
type Row = { id: string; kept: string }

export function accountHandlers({ node, keys, store, http }: AccountRooms): Handlers {
  async function found(id: string | undefined): Promise<Row> {
    const row = (await store.accounts()).find((one) => shown(one) === id)
    if (row === undefined) throw new Fault('not_found', { what: say`no such account at a CA` })
    return row
  }

  async function deactivate(row: Row): Promise<void> {
    const { node: owner, directoryUrl } = accountPlace(row.id)
    if (http === undefined)
      throw new Fault('conflict', { what: say`the settings of this server have no acme` })
    if (owner !== node)
      throw new Fault('conflict', { what: say`the key of this account is at the node ${owner}: ask there` })
    const session = await openSession({
      ...{ http, directory: await readDirectory(http, directoryUrl), key: keys.accountKeys.open(row.kept) },
      ...{ binding: undefined, contact: undefined, profile: undefined, isKnown: true },
    })
    await session.deactivate()
  }

  return {
    getAcmeAccounts: async () =>
      (await store.accounts()).map((row) => ({ id: shown(row), ...accountPlace(row.id) })),
    async forgetAcmeAccount({ params }) {
      const { id, kept } = await found(params['account'])
      await store.forgetAccount(id, kept)
    },
    // The CA first: when that fails the key is still here, to try again.
    async deactivateAcmeAccount({ params }) {
      const row = await found(params['account'])
      await deactivate(row)
      await store.forgetKey(row.kept)
    },
  }
}

/** Addresses and names stand in no path. A new key is another account. */
function shown({ id, kept }: Row): string {
  return hash('sha256', `${id}\n${kept}`).slice(0, 32)
}
