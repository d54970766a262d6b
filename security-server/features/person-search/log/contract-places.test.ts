/** Where the person stands in the calls of a contract's service. */
import t from 'tap'
import { contractPlaces } from './contract-places.ts'
import { findSubjects } from './find-subjects.ts'

t.test('a contract says where, by its patterns', (t) => {
  const content = (more: object, path = '/persons/*') =>
    ({
      provider: 'DEV/GOV/1234/population',
      personalData: true,
      services: [{ serviceCode: 'persons', endpoints: [{ method: 'GET', path }], ...more }],
    }) as Parameters<typeof contractPlaces>[0]
  const service = 'DEV/GOV/1234/population/persons'
  const place = { in: 'path', name: 'code' }
  t.same(contractPlaces(content({ dataSubject: place }), service), [
    { ...place, type: 'personal-code', method: 'GET', path: '/persons/{code}' },
  ])
  t.same(contractPlaces(content({ dataSubject: place }, '/**'), service), [])
  t.same(contractPlaces(content({ dataSubject: { in: 'query', name: 'q' } }), service), [
    { in: 'query', name: 'q', type: 'personal-code', method: '*', path: '**' },
  ])
  t.equal(contractPlaces(content({}), service), undefined)
  t.equal(contractPlaces(content({ dataSubject: place }), 'DEV/GOV/1234/population/other'), undefined)
  t.equal(contractPlaces({ ...content({}), personalData: false }, service), 'not_personal')
  t.end()
})

t.test('places of an administrator add to those of the contract', async (t) => {
  const service = 'DEV/GOV/1234/population/persons'
  const any = { method: '*', path: '**', type: 'personal-code' }
  const contract = [
    { method: 'GET', path: '/persons/{code}', in: 'path', name: 'code', type: 'personal-code' },
  ]
  const header = { ...any, in: 'header', name: 'X-Road-Id' }
  const find = async (path: string, own: object[], of: unknown = contract, body?: unknown) => {
    const id = '7d2f3f0e-1111-4222-8333-944444444444'
    const headers = ['X-Road-Client:DEV/GOV/5678/tax', 'X-Road-Id:q-1', `x-road-request-id:${id}`]
    const lines = ['GET', `/r1/${service}${path}`, ...headers]
    const source = { kind: 'request', service, message: Buffer.from([...lines, ''].join('\r\n')) }
    const { subjects, reason } = await findSubjects(
      { ...source, isDamaged: false } as never,
      { own, contract: of } as never,
      { body: async () => body, request: async () => undefined } as never,
    )
    return [subjects.map(({ identifier }) => identifier).join(' '), reason]
  }
  t.same(await find('/persons/38001085718', []), ['38001085718', 'indexed'])
  t.same(await find('/persons/38001085718', [header]), ['Q1 38001085718', 'indexed'])
  t.same(await find('/persons/38001085718', [{ ...any, in: 'none', name: '' }]), ['', 'not_personal'])
  t.same(await find('/cars/1', []), ['', 'unreadable'])
  t.same(await find('/cars/1', [header]), ['Q1', 'indexed'], 'of a call of which the contract says nothing')
  t.same(await find('/persons/1', [header], 'unknown'), ['Q1', 'contract_unknown'])
  const inBody = [{ ...any, in: 'body', name: '/code' }]
  t.same(await find('/persons/1', [header], inBody, Buffer.from('{"code":"2"}')), ['Q1 2', 'indexed'])
  t.same(await find('/persons/1', [header], inBody, 'too_large'), ['Q1', 'too_large'], 'what was read counts')
  t.same(await find('/persons/1', [header], inBody, Buffer.from('<xml/>')), ['Q1', 'unreadable'])
})
