/**
 * For tests only: SOAP exchanges in a real log, with and without attachments, and the verdict that each
 * bundle must get.
 */
import { hash, randomUUID } from 'node:crypto'
import { fromBufferPromise } from 'yauzl'
import { sealCircumstances } from '#core/circumstances/seal.ts'
import { zipOf } from '#core/container/zip-fixture.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { insertRequestHash } from '#core/transport/soap-request-hash.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import { spoolAttachments } from '../../message-log/fixture.ts'
import { CLIENT, forged, HOUR, PEER, SERVICE, signed, type VerdictWorld } from './verdict-fixture.ts'

type Exchange = {
  /** Attachments of the request, and of the reply. */
  files?: string[]
  replied?: string[]
  /**
   * What the log keeps of the request as its attachments instead, and what the container in the bundle has
   * instead.
   */
  kept?: string[]
  shown?: string[]
  request?: (written: string) => string
  reply?: (written: string) => string
  /** By which the reply names the request, instead of the SHA-512 of its document. */
  named?: (request: Buffer) => Buffer
  /** Who signs the reply instead. */
  signer?: 'owner'
}

/** As a provider's server records it of a service with a WSDL. */
const HELD = sealCircumstances({
  ...{ version: 1, side: 'provider', service: { type: 'WSDL' } },
  right: {
    endpoint: { method: '*', path: '**' },
    grants: [{ subjectType: 'SUBSYSTEM', subject: 'DEV/GOV/1234/tax', since: '2027-01-01T00:00:00.000Z' }],
  },
})

/** Logs a SOAP exchange, has it time-stamped, and makes its bundle. */
async function exchange(world: VerdictWorld, o: Exchange): Promise<{ bundle: Buffer; at: number }> {
  const ids = { id: randomUUID(), requestId: randomUUID() }
  const [files, replied] = [buffers(o.files), buffers(o.replied)]
  const fields = { client: CLIENT, service: SERVICE, id: ids.id, userId: 'EE38001010001' }
  const same = (text: string): string => text
  const request = Buffer.from((o.request ?? same)(writeSoap(fields, '<p:persons xmlns:p="urn:p"/>')))
  const answer = Buffer.from((o.reply ?? same)(writeSoap(fields, '<p:personsResponse xmlns:p="urn:p"/>')))
  const reply = insertRequestHash(answer, (o.named ?? sha512)(request))
  const common = {
    ...{ ids, client: CLIENT, service: SERVICE, peer: PEER, time: new Date(world.now) },
    ...{ circumstances: HELD, keepDays: 365 },
  }
  const bodyOf = async (parts: Buffer[]) =>
    parts.length === 0 ? undefined : spoolAttachments(world.log, parts)
  const asked = await world.log.append({
    ...{ ...common, kind: 'request', direction: 'out', outcome: '', message: request },
    body: await bodyOf(o.kept === undefined ? files : buffers(o.kept)),
    signature: signed(world, request, world.owner, world.now, files),
  })
  const answered = await world.log.append({
    ...{ ...common, kind: 'reply', direction: 'in', outcome: 'ok', answers: asked.index, message: reply },
    body: await bodyOf(replied),
    signature: signed(world, reply, world[o.signer ?? 'provider'], world.now, replied),
  })
  world.now += 60_000
  await world.log.timeStampNow()
  world.now += HOUR / 2
  const bundle = await world.bundle(answered.index)
  return { bundle: o.shown === undefined ? bundle : await shownInstead(bundle, o.shown), at: world.now }
}

/** The same bundle with other attachments in the container of its first record. */
export async function shownInstead(bundle: Buffer, shown: string[]): Promise<Buffer> {
  const attachments = buffers(shown).map((data, i) => ({ name: `attachment${i + 1}`, data }))
  const { manifest, files } = await readBundle(bundle)
  const name = manifest.records[0]!.container!
  const others = [...(await unzipped(files.get(name)!))].map(([one, data]) => ({ name: one, data }))
  const kept = others.filter((one) => !/^attachment\d+$/.test(one.name))
  return forged(bundle, (_manifest, entries) => void entries.set(name, zipOf([...kept, ...attachments])))
}

/** The entries of a ZIP file by name. */
export async function unzipped(bytes: Buffer): Promise<Map<string, Buffer>> {
  const zip = await fromBufferPromise(bytes, { lazyEntries: true })
  const entries = new Map<string, Buffer>()
  for await (const entry of zip.eachEntry()) {
    const pieces = (await (await zip.openReadStreamPromise(entry)).toArray()) as Buffer[]
    entries.set(entry.fileName, Buffer.concat(pieces))
  }
  return entries
}

function buffers(texts: string[] = []): Buffer[] {
  return texts.map((text) => Buffer.from(text))
}

function sha512(...bytes: Buffer[]): Buffer {
  return hash('sha512', Buffer.concat(bytes), 'buffer')
}

/** As a system may write a document: what a server's own writer never does. */
function inOtherWords(document: string): string {
  return document
    .replace('<?xml version="1.0" encoding="UTF-8"?>', '\ufeff<!-- of a system --><?page wide?>\r\n')
    .replaceAll('SOAP-ENV', 's')
    .replace('<s:Body>', '<s:Body xml:lang="et">  <!-- one -->')
    .replace('<id:memberCode>1234<', '<id:memberCode><![CDATA[12]]>3<!-- and -->&#52;<')
    .replace('</s:Header>', '<o:own xmlns:o="urn:o"><?any thing?><o:id>7</o:id></o:own></s:Header>')
}

const THREE = ['one', 'two', 'three']
const CASES: Record<string, Exchange & { verdict: string }> = {
  'a SOAP exchange without attachments': { verdict: 'TOTAL-PASSED' },
  'SOAP with three attachments, one of them without an octet, and a reply with two': {
    ...{ files: ['one', '', 'three'], replied: ['four', 'five'] },
    verdict: 'TOTAL-PASSED',
  },
  'SOAP as systems may write it': {
    ...{ files: ['one'], request: inOtherWords, reply: inOtherWords },
    verdict: 'TOTAL-PASSED',
  },
  'one attachment in the container is another': {
    ...{ files: THREE, shown: ['one', 'TWO', 'three'] },
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'two attachments have changed places in the container': {
    ...{ files: THREE, shown: ['two', 'one', 'three'] },
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'the last attachment is not in the container': {
    ...{ files: THREE, shown: ['one', 'two'] },
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'the log keeps attachments in another order than they were signed in': {
    ...{ files: THREE, kept: ['one', 'three', 'two'] },
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'the log cuts the same octets into other attachments': {
    ...{ files: THREE, kept: ['onet', 'wo', 'three'] },
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'the SOAP reply is signed by the client': {
    signer: 'owner',
    verdict: 'INDETERMINATE SIG_CONSTRAINTS_FAILURE',
  },
  'the SOAP reply names its request by document and attachments': {
    ...{ files: ['one'], named: (request) => sha512(sha512(request), sha512(Buffer.from('one'))) },
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'the SOAP request names another client than its record': {
    request: (document) => document.replace('>tax<', '>customs<'),
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'the SOAP request has two clients': {
    request: (document) => document.replace(/<xrd:client.*<\/xrd:client>/, '$&$&'),
    verdict: 'TOTAL-FAILED FORMAT_FAILURE',
  },
}

export const SOAP = Object.fromEntries(
  Object.entries(CASES).map(([name, { verdict, ...said }]) => [
    name,
    { run: (world: VerdictWorld) => exchange(world, said), verdict },
  ]),
)

/** The bundle of a SOAP exchange with three attachments. */
export const withAttachments = (world: VerdictWorld): Promise<{ bundle: Buffer; at: number }> =>
  exchange(world, { files: THREE })
