/** API keys, as X-Road's tools make one for themselves, and who is asking. */
import { Fault } from '#schemas/fault.ts'
import { allPages } from './all-pages.ts'
import type { Asked, Entry } from './entry.ts'

type Own = { id: string; roles: string[]; revokedAt: string | null }

const KEYS = '/api-keys'
const NAME = "X-Road's API"

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
      ...{ name: 'addApiKey', method: 'POST', path: KEYS, status: 200, through: ['addApiKey'] },
      async answer({ body, call }) {
        if (!Array.isArray(body)) throw new Fault('invalid_input', { what: `a list of roles is needed` })
        const input = { body: { name: NAME, roles: body, form: 'UUID' } }
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
