/** `concordat server refresh`: what it says, and that nothing is applied that nobody agreed to. */
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { concordat } from './program-fixture.ts'
import { type Change, changeInWords } from './refresh-in-words.ts'

const CLIENT = 'DEV:GOV:1000:population'
const BEFORE = `openapi: 3.0.0
info: { title: Persons, version: "1" }
servers: [{ url: "http://10.0.0.1/v1" }]
paths: { "/p/{id}": { get: {}, delete: {} } }
`

void t.test('a person agrees to what it says', async (t) => {
  let document = BEFORE
  const web = createServer((_request, response) => response.end(document))
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  t.teardown(() => web.close())
  const documentUrl = `http://127.0.0.1:${(web.address() as AddressInfo).port}/`
  const { ask, app, authorization } = await createAdminWorld(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const folder = t.testdir({ key: authorization['all']!.split('token=')[1]!, more: '' })
  const environment = {
    CONCORDAT_SERVER_URL: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    CONCORDAT_SERVER_KEY_FILE: path.join(folder, 'key'),
  }
  const refresh = (args: string[], typed = '') =>
    concordat(['server', 'refresh', ...args], environment, typed)
  await ask('POST', '/clients', { id: CLIENT })
  const body = { type: 'OPENAPI', serviceCode: 'persons', documentUrl }
  const made = (await ask('POST', `/clients/${CLIENT}/service-descriptions`, body)).body
  const id = String(made['id'])
  const inForce = async () => (await ask('GET', `/service-descriptions/${id}/document`)).raw.toString()

  t.match(await refresh([id]), { code: 0, out: /Nothing changes: this is the document in force/ })
  document = BEFORE.replace('delete', 'put').replace('Persons', 'P\u202eeople')
  const shown = await refresh([id], 'no\n')
  t.match(shown, {
    code: 3,
    out: /title "Persons" becomes "P\ufffdeople".*\+ PUT \/p\/\* of DEV.*- DELETE \/p\/\* of DEV.*Warnings.*deleting_endpoints.*digest [0-9a-f]{64}\nNothing is changed/s,
    errors: /Apply this and ignore the 1 warnings\? yes or no: /,
  })
  for (const typed of ['', '\n', 'y\n', 'no\nyes\n']) t.equal((await refresh([id], typed)).code, 3, typed)
  const digest = /digest ([0-9a-f]{64})/.exec(shown.out)![1]!
  t.match(await refresh([id, '--accept', digest]), { code: 1, errors: /it has warnings; --ignoreWarnings/ })
  document = document.replace('"1"', '"2"')
  t.match(await refresh([id, '--accept', digest, '--ignoreWarnings']), {
    code: 1,
    out: /version "1" becomes "2"/,
    errors: /not applied: [0-9a-f]{64} was accepted, and this is/,
  })
  t.equal(await inForce(), BEFORE, 'nothing of this changed anything')
  t.match(await refresh([id], 'yes\n'), { code: 0, out: /Applied\.\n$/ })
  t.equal(await inForce(), document)

  const file = path.join(folder, 'more')
  writeFileSync(file, document.replace('put: {}', 'put: {}, post: {}'))
  const other = await refresh([id, '--file', file], 'no\n')
  t.match(other, { code: 3, out: /\+ POST/, errors: /^Apply this\? yes or no/ })
  const accepted = ['--accept', /digest ([0-9a-f]{64})/.exec(other.out)![1]!]
  t.match(await refresh([id, '--file', file, ...accepted]), { code: 0, out: /Applied/ })
  t.match(await inForce(), /post/)
  const elsewhere = `${documentUrl}v2`
  const moved = await refresh([id, '--address', elsewhere], 'yes\n')
  t.match(moved, { code: 0, out: /v2 in place of http:\S+\n.*- POST.*Applied/s })
  t.match(await ask('GET', `/service-descriptions/${id}`), { body: { url: elsewhere } })
  const both = [id, '--file', file, '--address', elsewhere]
  for (const wrong of [[], both, [id, 'more'], [id, '--nonsense'], [id, '--file', `${file}x`]])
    t.equal((await refresh(wrong)).code, 2, wrong.join(' '))
  t.match(await refresh(['999']), { code: 1, errors: /refused with 404/ })
  t.match(await concordat(['server', 'refresh', '--help']), {
    code: 0,
    out: /refresh <id> \[--file FILE \| --address URL\]/,
  })
})

void t.test('everything that changes is said', (t) => {
  const endpoint = { fullServiceId: 'A:B:C:D:e', method: 'GET', path: '/x' }
  const change: Change = {
    ...{ id: 3, clientId: 'A:B:C:D', type: 'WSDL', document: { sha256: 'aa', bytes: 5 }, same: false },
    facts: [],
    services: {
      added: [{ serviceCode: 'b', serviceVersion: 'v2', title: 'B', url: 'http://b' }],
      removed: [{ fullServiceId: 'A:B:C:D:b:v1', url: 'http://b', tlsCertificates: 2 }],
      changed: [
        { fullServiceId: 'A:B:C:D:a', what: 'address', from: 'http://1', to: 'http://2', url: 'http://3' },
      ],
    },
    endpoints: { added: [], removed: [], takenOver: [endpoint] },
    rightsLost: [
      { ...endpoint, method: '*', path: '**', subjectType: 'GLOBALGROUP', subjectId: 'all' },
      { ...endpoint, subjectType: 'SUBSYSTEM', subjectId: 'A:B:C:F' },
    ],
    contracts: [
      {
        ...{
          contract: 'u',
          version: 2,
          title: 'T',
          state: 'ACTIVE',
          serviceCode: 'b',
          method: 'POST',
          path: '/',
        },
        goes: ['the service b:v1'],
      },
    ],
    warnings: [{ code: 'c', text: 'mind this' }],
    digest: 'dd',
  }
  t.same(changeInWords(change), [
    'Service description 3 of A:B:C:D, WSDL: document with SHA-256 aa, 5 bytes',
    'Services',
    '  + b:v2 at http://b, "B"',
    '  - A:B:C:D:b:v1 at http://b, with 2 trusted certificates',
    '    A:B:C:D:a: address "http://1" becomes "http://2"; the service keeps http://3',
    'Endpoints',
    "    GET /x of A:B:C:D:e was added by hand and is the document's from now on",
    'Access rights that are lost',
    '  - GLOBALGROUP all may no longer call all of A:B:C:D:e',
    '  - SUBSYSTEM A:B:C:F may no longer call GET /x of A:B:C:D:e',
    'Service contracts that name what goes',
    '    "T" (u/2, ACTIVE) names POST / of b: the service b:v1',
    'Warnings',
    '  ! mind this (c)',
    'Everything else stays: settings and rights of services and endpoints that stay are kept.',
    'digest dd',
  ])
  const none = {
    services: { added: [], removed: [], changed: [] },
    endpoints: { added: [], removed: [], takenOver: [] },
    ...{ rightsLost: [], contracts: [], warnings: [] },
  }
  t.match(changeInWords({ ...change, ...none }), { 1: 'Only the text of the document changes.', length: 4 })
  t.end()
})
