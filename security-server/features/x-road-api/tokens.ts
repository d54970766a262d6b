/** Tokens, keys and certificate requests. */
import { Fault } from '#schemas/fault.ts'
import { type Asked, type Entry, fileOf } from './entry.ts'
import { type Fields, fieldsOf } from './fields.ts'
import type { OwnKey, OwnToken } from './own-views.ts'
import { keyActions, keyView, tokenView } from './token-views.ts'

const TOKEN = '/tokens/:id'
const KEY = '/keys/:id'
const CSR = `${KEY}/csrs/:csrId`

export function tokenEntries(): Entry[] {
  return [
    {
      ...{ name: 'getTokens', method: 'GET', path: '/tokens', status: 200, through: ['getTokens'] },
      answer: async ({ call }) => (await call<OwnToken[]>('getTokens')).map(tokenView),
    },
    {
      ...{ name: 'getToken', method: 'GET', path: TOKEN, status: 200, through: ['getToken'] },
      answer: shownToken,
    },
    {
      ...{ name: 'loginToken', method: 'PUT', path: `${TOKEN}/login`, status: 200 },
      through: ['loginToken', 'getToken'],
      async answer(asked) {
        const { id } = asked.params
        await asked
          .call('loginToken', {
            ...{ params: { tokenId: id! }, body: { pin: fieldsOf(asked.body).text('password') } },
          })
          // X-Road's tools log in right after they made the token, which is open then. No PIN was looked at.
          .catch((thrown: { code?: unknown }) => {
            if (thrown.code !== 'conflict') throw thrown
          })
        return shownToken(asked)
      },
    },
    {
      ...{ name: 'logoutToken', method: 'PUT', path: `${TOKEN}/logout`, status: 200 },
      through: ['logoutToken', 'getToken'],
      async answer(asked) {
        await asked.call('logoutToken', { params: { tokenId: asked.params['id']! } })
        return shownToken(asked)
      },
    },
    {
      ...{ name: 'updateTokenPin', method: 'PUT', path: `${TOKEN}/pin`, status: 204 },
      through: ['updateTokenPin'],
      async answer({ params, body, call }) {
        const given = fieldsOf(body)
        const pins = { oldPin: given.text('old_pin'), newPin: given.text('new_pin') }
        await call('updateTokenPin', { params: { tokenId: params['id']! }, body: pins })
      },
    },
    {
      ...{ name: 'addKey', method: 'POST', path: `${TOKEN}/keys`, status: 201, through: ['addKey'] },
      // X-Road's keys get their use with the first request; ours have it from the start.
      answer: () => {
        throw new Fault('invalid_input', {
          what: `a key is made for a use: POST .../keys-with-csrs names it`,
        })
      },
    },
    {
      ...{ name: 'addKeyAndCsr', method: 'POST', path: `${TOKEN}/keys-with-csrs`, status: 200 },
      through: ['addKeyAndCsr'],
      async answer({ params, body, call }) {
        const given = fieldsOf(body)
        const csr = given.part('csr_generate_request')
        const made = await call<{ key: OwnKey; csr: { id: string } }>('addKeyAndCsr', {
          params: { tokenId: params['id']! },
          body: {
            key: { usage: csr.text('key_usage_type'), label: given.textOr('key_label', '') },
            csr: requestOf(csr),
          },
        })
        return { key: keyView(made.key, true), csr_id: made.csr.id }
      },
    },
    ...keyEntries(),
    ...requestEntries(),
  ]
}

function keyEntries(): Entry[] {
  return [
    {
      ...{ name: 'getKey', method: 'GET', path: KEY, status: 200, through: ['getKey'] },
      answer: async ({ params, call }) => keyView(await call<OwnKey>('getKey', keyOf(params)), true),
    },
    {
      ...{ name: 'updateKey', method: 'PATCH', path: KEY, status: 200, through: ['updateKey'] },
      answer: async ({ params, body, call }) =>
        keyView(
          await call<OwnKey>('updateKey', { ...keyOf(params), body: { label: fieldsOf(body).text('name') } }),
          true,
        ),
    },
    {
      ...{ name: 'deleteKey', method: 'DELETE', path: KEY, status: 204, through: ['deleteKey'] },
      answer: async ({ params, call }) => void (await call('deleteKey', keyOf(params))),
    },
    {
      ...{ name: 'getPossibleActionsForKey', method: 'GET', path: `${KEY}/possible-actions`, status: 200 },
      through: ['getKey'],
      answer: async ({ params, call }) => keyActions(await call<OwnKey>('getKey', keyOf(params))),
    },
  ]
}

function requestEntries(): Entry[] {
  return [
    {
      ...{ name: 'generateCsr', method: 'POST', path: `${KEY}/csrs`, status: 200 },
      through: ['generateCsr', 'downloadCsr'],
      async answer({ params, body, call }) {
        const given = fieldsOf(body)
        const made = await call<{ id: string }>('generateCsr', { ...keyOf(params), body: requestOf(given) })
        return requestFile(
          call,
          { keyId: keyOf(params).params.keyId, csrId: made.id },
          given.text('csr_format'),
        )
      },
    },
    {
      ...{ name: 'downloadCsr', method: 'GET', path: CSR, status: 200, through: ['downloadCsr'] },
      answer: ({ params, query, call }) =>
        requestFile(
          call,
          csrOf(params),
          query['csr_format'] === undefined ? 'DER' : String(query['csr_format']),
        ),
    },
    {
      ...{ name: 'deleteCsr', method: 'DELETE', path: CSR, status: 204, through: ['deleteCsr'] },
      answer: async ({ params, call }) => void (await call('deleteCsr', { params: csrOf(params) })),
    },
    {
      ...{ name: 'getPossibleActionsForCsr', method: 'GET', path: `${CSR}/possible-actions`, status: 200 },
      through: ['getKey'],
      async answer({ params, call }) {
        const { requests } = await call<OwnKey>('getKey', keyOf(params))
        if (requests.some(({ id }) => id === params['csrId'])) return ['DELETE']
        throw new Fault('not_found', { what: `this certificate request` })
      },
    },
  ]
}

async function shownToken({ params, call }: Asked): Promise<object> {
  return tokenView(await call<OwnToken>('getToken', { params: { tokenId: params['id']! } }))
}

/** Ids are hexadecimal: X-Road's tools may write them in capitals. */
function keyOf(params: Record<string, string>): { params: { keyId: string } } {
  return { params: { keyId: params['id']!.toLowerCase() } }
}

function csrOf(params: Record<string, string>): { keyId: string; csrId: string } {
  return { keyId: params['id']!.toLowerCase(), csrId: params['csrId']! }
}

async function requestFile(
  call: Asked['call'],
  params: { keyId: string; csrId: string },
  format: string,
): Promise<object> {
  const bytes = await call('downloadCsr', { params, query: { format } })
  return fileOf(bytes, `${params.keyId}.${format === 'PEM' ? 'pem' : 'der'}`)
}

/** The subject is exactly what the caller gives, field by field, as X-Road's server takes it. */
function requestOf(given: Fields): object {
  const memberId = given.textOr('member_id', undefined)
  const subject = given.pairs('subject_field_values').map(([type, value]) => ({ type, value }))
  return {
    ...(memberId === undefined ? {} : { memberId }),
    ...{ caName: given.text('ca_name'), subject },
  }
}
