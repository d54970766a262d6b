/** Where the person stands in the calls of a contract's service. */
import t from 'tap'
import { contractPlaces } from './contract-places.ts'

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
