/** API keys, as X-Road's tools make one for themselves, and who is asking. */
import { Fault } from '#schemas/fault.ts'
import type { Time } from '#schemas/sent-values.ts'
import { allPages } from './all-pages.ts'
import type { Asked, Entry } from './entry.ts'

type Own = {
  id: string
  roles: string[]
  expiresAt: Time | null
  revokedAt: Time | null
  addresses: string[] | null
}

const KEYS = '/api-keys'
/** The characters of a name. */
const LONGEST = 255

/** `permitted`: which of the entries a caller with these roles may call. */
export function apiKeyEntries(permitted: (roles: string[]) => string[]): Entry[] {
  const usable = async (asked: Asked): Promise<object[]> =>
    (await allPages<Own>(asked, 'getApiKeys'))
      .filter(({ revokedAt }) => revokedAt === null)
      .map(({ id, roles }) => ({ id, roles }))
  return [
    {
      ...{ name: 'getUser', method: 'GET', path: '/user', status: 200, through: ['getSession'] },
      async answer({ call }) {
        const { name, roles } = await call<{ name: string; roles: string[] }>('getSession')
        return { username: name, roles, permissions: permitted(roles) }
      },
    },
    {
      ...{ name: 'getApiKeys', method: 'GET', path: KEYS, status: 200, through: ['getApiKeys'] },
      answer: usable,
    },
    {
      ...{ name: 'addApiKey', method: 'POST', path: KEYS, status: 200, through: ['getApiKeys', 'addApiKey'] },
      async answer(asked) {
        const { body, call, caller } = asked
        if (!Array.isArray(body)) throw new Fault('invalid_input', { what: `a list of roles is needed` })
        const found = await allPages<Own>(asked, 'getApiKeys', { query: { q: caller.id } })
        const maker = found.find(({ id }) => id === caller.id)
        if (maker === undefined) throw new Fault('unauthorized')
        // X-Road's request has no field for either: the new key is good as long and from where its maker is.
        const { expiresAt, addresses } = maker
        const bounds = { ...(expiresAt && { expiresAt }), ...(addresses && { addresses }) }
        const name = `X-Road's API, made by ${caller.name}`.slice(0, LONGEST)
        const input = { body: { name, roles: body, form: 'UUID', ...bounds } }
        const { id, secret } = await call<{ id: string; secret: string }>('addApiKey', input)
        return { id, key: secret, roles: body }
      },
    },
    {
      ...{
        name: 'revokeApiKey',
        method: 'DELETE',
        path: `${KEYS}/:id`,
        status: 200,
        through: ['revokeApiKey'],
      },
      answer: async ({ params, call }) => void (await call('revokeApiKey', { params })),
    },
  ]
}
