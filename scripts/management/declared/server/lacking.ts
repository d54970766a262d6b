/**
 * What a server lacks of the keys and certificates that no file can bring, for the clients that a file
 * declares.
 */
import type { Reading } from '../calls.ts'
import type { Declared } from './read-file.ts'

type Status = Record<'anchorInstalled' | 'tokenInitialized' | 'tokenLoggedIn' | 'canAuthenticate', boolean>
type Token = { keys: { certificates: { usage: string; memberId?: string; inUse: boolean }[] }[] }

export async function lackingAt({ get }: Reading, { clients = [] }: Declared): Promise<string[]> {
  if (clients.length === 0) return []
  const status = await get<Status>('/initialization/status')
  const tokens = await get<Token[]>('/tokens')
  const signers = new Set(
    tokens
      .flatMap(({ keys }) => keys.flatMap(({ certificates }) => certificates))
      .filter(({ usage, inUse }) => usage === 'SIGNING' && inUse)
      .map(({ memberId }) => memberId),
  )
  const members = new Set(clients.map(({ id }) => id.split(':').slice(0, 3).join(':')))
  return [
    ...(status.anchorInstalled ? [] : ['a configuration anchor']),
    ...(status.tokenInitialized ? [] : ['a software token with its PIN']),
    ...(status.tokenLoggedIn ? [] : ['a token that is logged in']),
    ...(status.canAuthenticate ? [] : ['an authentication certificate in use']),
    ...[...members].filter((id) => !signers.has(id)).map((id) => `a signing certificate in use for ${id}`),
  ]
}
