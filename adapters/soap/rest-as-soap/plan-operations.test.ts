/** What is said of settings and a WSDL that do not fit each other, before a request comes. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import { publishedDocument, readSettings } from '#adapters/kit/serve-adapter.ts'
import { restAsSoapAdapter } from './adapter.ts'
import { OPERATIONS, WSDL_FILE } from './rest-as-soap-fixture.ts'

t.test('settings and a WSDL that do not fit are named at the start', async (t) => {
  const folder = emptyFolder(t)
  const text = readFileSync(WSDL_FILE, 'utf8')
  const [get, find, change] = OPERATIONS
  const described = async (settings: object, wsdl = text) => {
    writeFileSync(path.join(folder, 'own.wsdl'), wsdl)
    const file = path.join(folder, 'own.yaml')
    const whole = {
      ...{ listen: {}, service: { code: 'a', title: 'a' }, system: { url: 'http://127.0.0.1:1' } },
      ...{ wsdl: { file: './own.wsdl' }, provider: 'DEV/GOV/1001/land', operations: OPERATIONS, ...settings },
    }
    writeFileSync(file, JSON.stringify(whole))
    return publishedDocument(restAsSoapAdapter, await readSettings(restAsSoapAdapter, file, {}))
  }
  t.match(await described({}), { type: 'WSDL', text, services: ['getParcel', 'findParcels', 'changeOwners'] })
  const consumer = { service: 'DEV/GOV/1001/land/parcels', clients: ['DEV/GOV/1002/tax'] }
  t.ok(await described({ operations: [get], consumer }), 'a consumer needs not all of them')
  const one = (more: object, base: object = get!) => ({ consumer, operations: [{ ...base, ...more }] })
  for (const [settings, why, wsdl] of [
    [{ operations: [get, find] }, /changeOwners of the WSDL is not mapped/],
    [{ operations: [get, get] }, /maps getParcel a second time/],
    [{ provider: 'DEV/GOV/1001' }, /provider must be INSTANCE/],
    [
      { consumer: { ...consumer, service: 'DEV/GOV/1001/land/parcels/v1' } },
      /service must be .* without a version/,
    ],
    [{ consumer: { ...consumer, clients: ['DEV'] } }, /clients.0 must be/],
    [one({ name: 'other' }), /no operation other/],
    [one({ path: '/parcels' }), /nothing takes number of its request/],
    [one({ path: '/parcels/{nummer}' }), /getParcel has no nummer/],
    [one({ path: '/parcels/{number' }), /operations.0.path/],
    [one({ path: '/parcels?x=1' }), /operations.0.path/],
    [one({ leftOut: ['more'] }), /getParcel has no more/],
    [one({ answerInto: 'parcels' }), /getParcelResponse has no parcels/],
    [one({ body: 'whole' }), /GET has no body/],
    [one({ body: 'whole', bodyFrom: 'price', method: 'PUT' }, change), /bodyFrom excludes body/],
    [one({ faults: [{ status: 404, code: 'Client' }] }), /404 has two meanings/],
    [one({ path: '/x/{owner}' }, change), /owner of its path is not one value/],
    [one({ path: '/x/{price}' }, change), /price of its path is not one value/],
    [one({ path: '/x', query: { a: 'price' } }, change), /price of its query is no value/],
    [one({ path: '/x/{owner/0}' }, change), /owner in owner\/0 is a list/],
    [one({ bodyFrom: 'price' }, change), /nothing takes owner/],
    [
      one({ bodyFrom: 'owner', query: { p: 'price/#text' }, leftOut: ['remark'] }, change),
      /nothing takes price\/@currency/,
    ],
    [one({ empty: [404] }, change), /its response cannot be empty/],
    [
      {},
      /does not bind X-Road's headers id, protocolVersion/,
      text.replace(/<soap:header[^>]*part="(id|protocolVersion)"[^>]*>/g, ''),
    ],
    [{}, /X-Road's SOAP is 1.1/, text.replaceAll('wsdl/soap/', 'wsdl/soap12/')],
    [
      {},
      /to be called getParcel, not askParcel/,
      text
        .replace('<xs:element name="getParcel">', '<xs:element name="askParcel">')
        .replace('element="tns:getParcel"/>', 'element="tns:askParcel"/>'),
    ],
    [{}, /cannot be read|neither/, '<a/>'],
  ] as [object, RegExp, string?][])
    await t.rejects(described(settings, wsdl), { code: 'invalid_configuration', message: why }, why.source)
})
