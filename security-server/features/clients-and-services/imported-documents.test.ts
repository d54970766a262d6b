/**
 * A WSDL that imports its types is added by its address as one document, and a person accepts all of it or
 * nothing.
 */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { onEachDatabase } from '#test/databases.ts'
import { partsOfWsdl, wsdlInParts } from '#test/fakes/wsdl-in-parts.ts'
import { auditOf, createAdminWorld } from '#test/management-api/admin-fixture.ts'

const CLIENT = 'DEV:GOV:1000:population'
const SYSTEM = 'http://10.0.0.1/soap'

type Part = { url: string; sha256: string }
type Made = { id: number; warnings: string[]; parts?: Part[]; services: { id: number }[] }
type Shown = { digest: string; same: boolean; document: { parts?: Part[] }; warnings: { text: string }[] }

async function listening(t: Test, answers: RequestListener): Promise<string> {
  const server = createServer(answers)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An agency's system that publishes its WSDL in parts, which change. */
async function publisher(t: Test) {
  const there = new Map<string, string>()
  const moved = new Map<string, string>()
  const origin = await listening(t, ({ url = '' }, response) => {
    const location = moved.get(url)
    if (location !== undefined) response.writeHead(302, { location }).end()
    else response.writeHead(there.has(url) ? 200 : 404).end(there.get(url))
  })
  const at = `${origin}/ws`
  there.set('/ws?wsdl', wsdlInParts(at, SYSTEM))
  for (const [url, text] of Object.entries(partsOfWsdl(at))) there.set(url.slice(origin.length), text)
  return { there, moved, url: `${at}?wsdl` }
}

onEachDatabase('its parts are fetched, shown, and held against messages', async (t, databaseUrl) => {
  const { there, url } = await publisher(t)
  const { ask } = await createAdminWorld(t, databaseUrl === undefined ? {} : { databaseUrl })
  await ask('POST', '/clients', { id: CLIENT })
  const added = await ask('POST', `/clients/${CLIENT}/service-descriptions`, {
    type: 'WSDL',
    documentUrl: url,
  })
  t.match(added, { status: 201, body: { warnings: [], services: [{ serviceCode: 'lookUp', url: SYSTEM }] } })
  const { id, parts, services } = added.body as unknown as Made
  t.equal(parts?.length, 4)
  const at = `/service-descriptions/${id}`
  t.strictSame(((await ask('GET', at)).body as unknown as Made).parts, parts, 'they stay in view')
  t.match(await ask('PATCH', `/services/${services[0]!.id}`, { validate: 'REQUESTS' }), { status: 200 })
  const text = async () => (await ask('GET', `${at}/document`)).raw.toString()
  const before = await text()

  const show = async () => (await ask('POST', `${at}/refresh`)).body as unknown as Shown
  const accept = (digest: string) => ask('PUT', `${at}/refresh`, { accept: digest, ignoreWarnings: true })
  t.match(await show(), { same: true, warnings: [] })
  const codes = there.get('/ws?xsd=codes')!
  there.set('/ws?xsd=codes', codes.replace('{11}', '{12}'))
  const shown = await show()
  t.match(shown, { same: false, warnings: [] })
  const digestOf = (of: Part[] = []) => of.find((one) => one.url.endsWith('xsd=codes'))!.sha256
  t.not(digestOf(shown.document.parts), digestOf(parts), 'it says which part is another one')
  there.set('/ws?xsd=codes', codes.replace('{11}', '{13}'))
  t.match(await accept(shown.digest), { status: 409, body: { type: 'description_changed' } })
  t.equal(await text(), before, 'a part that changed between what was shown and what would be applied')
  there.set('/ws?xsd=codes', codes.replace('{11}', '{12}'))
  t.match(await accept(shown.digest), { status: 200, body: { parts: shown.document.parts! } })
  t.match(await text(), /\{12\}/)
  t.match(await show(), { same: true })
  const applied = (await auditOf(ask)).find(({ operation }) => operation === 'applyServiceDescription')
  t.match(JSON.stringify(applied), digestOf(shown.document.parts), 'the audit log names the parts')

  there.set('/ws?xsd=codes', `${codes.replace('{11}', '{12}')}<!-- the same otherwise -->`)
  const commented = await show()
  t.equal(commented.same, false, 'another part, though the document is the same')
  t.match(await accept(commented.digest), { status: 200, body: { parts: commented.document.parts! } })
  there.delete('/ws?xsd=codes')
  t.match(
    await ask('POST', `${at}/refresh`),
    {
      ...{ status: 400, body: { type: 'invalid_input' } },
    },
    'a document with a hole is none to validate by',
  )
})

t.test('nothing is fetched from elsewhere, nor by a redirect', async (t) => {
  const { there, moved, url } = await publisher(t)
  const asked: string[] = []
  const elsewhere = await listening(t, (request, response) => {
    asked.push(request.url ?? '')
    response.end(there.get('/ws?xsd=codes'))
  })
  const { ask } = await createAdminWorld(t)
  await ask('POST', '/clients', { id: CLIENT })
  const add = (body: object) =>
    ask('POST', `/clients/${CLIENT}/service-descriptions`, { type: 'WSDL', ...body })
  moved.set('/ws?xsd=codes', `${elsewhere}/codes`)
  const redirected = await add({ documentUrl: url })
  t.match(redirected, {
    status: 201,
    body: { warnings: [/serve them at the origin/, /xsd=codes is not fetched: .*HTTP 302/] },
  })
  await ask('DELETE', `/service-descriptions/${String(redirected.body['id'])}`)

  moved.clear()
  const messages = there.get('/ws?xsd=messages')!
  there.set(
    '/ws?xsd=messages',
    messages.replace(/schemaLocation="[^"]*xsd=codes"/, `schemaLocation="${elsewhere}/codes"`),
  )
  const other = await add({ documentUrl: url })
  const { services, id } = other.body as unknown as Made
  t.match(other, {
    status: 201,
    body: { warnings: [/import/, /codes is not fetched: it is at another origin than the document/] },
  })
  t.match(await ask('PATCH', `/services/${services[0]!.id}`, { validate: 'ALL' }), { status: 400 })
  there.set('/ws?xsd=messages', messages)
  const shown = (await ask('POST', `/service-descriptions/${id}/refresh`)).body as unknown as Shown
  const accepted = { accept: shown.digest, ignoreWarnings: false }
  t.match(
    await ask('PUT', `/service-descriptions/${id}/refresh`, accepted),
    { status: 200 },
    'and it is whole',
  )
  t.match(await ask('PATCH', `/services/${services[0]!.id}`, { validate: 'ALL' }), { status: 200 })
  await ask('DELETE', `/service-descriptions/${id}`)

  const user = wsdlInParts(url.replace('?wsdl', '').replace('//', '//a:b@'), SYSTEM)
  there.set('/ws?wsdl', user)
  t.match(await add({ documentUrl: url }), {
    body: { warnings: [/import/, /wsdl=port.* is not fetched: it names a user/] },
  })
  const file = await add({ document: user.replace('name="lookUp"', 'name="other"') })
  t.match(
    file,
    { status: 201, body: { warnings: [/^it imports other documents, which are not read/] } },
    'of a file nothing is fetched',
  )
  t.strictSame(asked, [], 'nobody else was asked')
})
