import { randomInt } from 'node:crypto'
import t from 'tap'
import type { XmlElement } from '#core/xml/element.ts'
import { readTree } from '#core/xml/read-tree.ts'
import { Fault } from '#schemas/fault.ts'
import { REQUEST_KINDS, type RequestKind } from '#schemas/management-request.ts'
import { readWsdl } from '#security-server/local-systems/read-wsdl.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import {
  clientElement,
  managementService,
  managementSoap,
  tlsIdentity,
} from '#test/fakes/xroad-management.ts'
import { parseManagementSoap, writeManagementResponse } from './soap.ts'

const PATH = '/managementservices.wsdl'
const KINDS = REQUEST_KINDS.filter((kind) => kind !== 'authCertReg')
const BOUNDS = {
  bytes: 1e6,
  elements: 5000,
  nodes: 50_000,
  depth: 50,
  scope: 50,
  attributes: 20,
  dropBlanks: true,
}
const treeOf = (xml: Buffer): Promise<XmlElement> =>
  readTree(xml, { ...BOUNDS, refuse: (what) => new Fault('invalid_xml', { what }) })

function all(root: XmlElement, name: string): XmlElement[] {
  return root.children.flatMap((child) => [...(child.name === name ? [child] : []), ...all(child, name)])
}
const named = (root: XmlElement, kind: string, name: string): XmlElement =>
  all(root, kind).find(({ attributes }) => attributes.get('name') === name)!

void t.test(
  'the management security server reads it, and what it describes is what is read here',
  async (t) => {
    const world = registryWorld(t)
    const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
    const listener = managementService(world.directory, address, [tlsIdentity('management.example')])
    const node = await world.start({
      settings: { managementService: listener, publicUrl: 'http://registry.example:8001' },
    })
    const served = await node.get(PATH)
    t.equal(served.status, 200)
    t.match(served.headers['content-type'], /^text\/xml; charset=UTF-8$/i)
    const { services, published } = await readWsdl(served.bytes.toString())
    t.strictSame(
      services,
      KINDS.map((code) => ({
        ...{ code, version: undefined, title: '' },
        url: 'https://registry.example:4002/managementservice/manage/',
      })),
    )
    t.notMatch(published, 'registry.example', 'members read it without the address')

    const description = await treeOf(served.bytes)
    /** The elements that a message of the description may have, through its part and its type. */
    const elementsOf = (message: string): { name: string; isOptional: boolean; type: string }[] => {
      const part = all(named(description, 'message', message), 'part')
      t.equal(part.length, 1)
      const body = named(description, 'element', part[0]!.attributes.get('element')!.replace('xroad:', ''))
      return all(body, 'element').map(({ attributes }) => ({
        ...{ name: attributes.get('name')!, type: attributes.get('type')! },
        isOptional: attributes.get('minOccurs') === '0',
      }))
    }
    const VALUES: Record<string, (name: string) => string> = {
      'id:ClientType': () => clientElement('DEV/GOV/5678/vat'),
      'xsd:base64Binary': (name) => `<xroad:${name}>AAAA</xroad:${name}>`,
      'xsd:string': (name) => `<xroad:${name}>some text</xroad:${name}>`,
    }
    const codeOf = async (kind: RequestKind, fields: string): Promise<string> => {
      const soap = Buffer.from(managementSoap(kind, { server: 'DEV/GOV/1234/SS1', id: 'id-1', fields }))
      return parseManagementSoap(soap, () => true).then(
        () => 'read',
        (thrown: { code: string }) => thrown.code,
      )
    }
    for (const kind of KINDS) {
      const [server, ...fields] = elementsOf(kind)
      t.match(server, { name: 'server', type: 'id:ServerType', isOptional: false })
      const written = (of: typeof fields): string => of.map(({ name, type }) => VALUES[type]!(name)).join('')
      t.equal(await codeOf(kind, written(fields)), 'read', `${kind} with everything`)
      const needed = fields.filter(({ isOptional }) => !isOptional)
      t.equal(await codeOf(kind, written(needed)), 'read', `${kind} with what it must have`)
      for (const one of needed)
        t.equal(
          await codeOf(kind, written(fields.filter((other) => other !== one))),
          'invalid_body',
          `${kind} without ${one.name}`,
        )
      for (const name of ['address', 'authCert', 'subsystemName', 'message', 'requestId'])
        if (!fields.some((one) => one.name === name))
          t.equal(
            await codeOf(kind, written(fields) + VALUES['xsd:string']!(name)),
            'invalid_body',
            `${kind}, ${name}`,
          )

      const soap = managementSoap(kind, { server: 'DEV/GOV/1234/SS1', id: 'id-1', fields: written(fields) })
      const answer = writeManagementResponse(await parseManagementSoap(Buffer.from(soap), () => true), 7)
      const body = all(await treeOf(answer), `${kind}Response`)[0]!
      t.same(
        body.children.map(({ name }) => name),
        elementsOf(`${kind}Response`).map(({ name }) => name),
        `${kind}: the answer`,
      )
    }
    t.notMatch(served.bytes.toString(), /authCertReg/, 'which no security server passes on')
  },
)

void t.test('without the management services nothing is described', async (t) => {
  const node = await registryWorld(t).start()
  t.equal((await node.get(PATH)).status, 404)
})
