/**
 * SOAP with attachments between two servers whose members sign with RSA keys, as those of X-Road do; part of
 * the journey of X-Road's TLS.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { readContainer } from '#core/container/read-container.ts'
import type { ProviderSystem } from '../fakes/provider-system.ts'
import {
  addWsdlServices,
  echoAttachments,
  envelope,
  multipart,
  partsOf,
  wsdl,
} from '../fakes/soap-service.ts'
import { verifyLogOf } from '../message-logs.ts'
import type { Instance } from '../processes.ts'
import type { ServerName } from '../world.ts'

type Two = { instance: Instance; certified: (profile: string, request: string) => Promise<Buffer> }

const NAMES = ['tax', 'population'] as const
const sha512 = (bytes: Buffer): string => createHash('sha512').update(bytes).digest('base64')

/**
 * The members of both servers sign with new RSA keys and no others; then messages with none, one and three
 * attachments.
 */
export async function soapByRsa(t: Test, q: Two & { system: ProviderSystem }): Promise<void> {
  const { instance, system } = q
  const { tax, population } = instance.servers
  for (const name of NAMES) await signByRsa(name, q)
  await instance.publish()
  await addWsdlServices(instance.admin.population, {
    provider: population.client,
    document: wsdl(`${system.url}/soap`, ['findPerson/v1']),
    grants: [tax.client],
  })
  system.answer(echoAttachments)
  for (const sizes of [[], [70_000], [10, 0, 300_000]]) {
    const id = `rsa-${sizes.length}`
    const asked = envelope({
      from: tax,
      to: population,
      code: 'findPerson',
      version: 'v1',
      id,
      content: '<a/>',
    })
    const files = sizes.map((size) => randomBytes(size))
    const root = { headers: 'Content-Type: text/xml; charset=UTF-8', bytes: Buffer.from(asked) }
    const attachments = files.map((bytes, i) => ({
      headers: `Content-Type: application/octet-stream\r\nContent-ID: <a${i}>`,
      bytes,
    }))
    const reply = await instance.ask('tax', '/', {
      method: 'POST',
      headers: { 'Content-Type': 'multipart/related; type="text/xml"; boundary=b', SOAPAction: '""' },
      body: multipart('b', [root, ...attachments]),
    })
    t.equal(reply.status, 200)
    const [document, ...back] = partsOf(reply.body, reply.headers['content-type']!)
    t.match(document?.bytes.toString(), /requestHash/)
    t.strictSame(
      back.map(({ bytes }) => sha512(bytes)),
      files.map(sha512),
    )
    for (const name of NAMES) await provedByRsa(t, instance, { name, id, digests: files.map(sha512) })
  }
  for (const name of NAMES)
    t.strictSame(await verifyLogOf(instance.servers[name]), [], `the log of ${name} verifies`)
}

/** Request and reply of an exchange are in the log, signed with RSA, with every attachment. */
async function provedByRsa(
  t: Test,
  { admin }: Instance,
  q: { name: ServerName; id: string; digests: string[] },
): Promise<void> {
  const rows = await admin[q.name].get<{ index: number }[]>(`/message-log/records?limit=4&queryId=${q.id}`)
  t.equal(rows.length, 2, `${q.name}: request and reply of ${q.id}`)
  for (const { index } of rows) {
    const bytes = await admin[q.name].bytes(`/message-log/records/${index}/container?case=1&reason=test`)
    const container = await readContainer(bytes)
    t.match(container.signatures.toString(), /xmldsig-more#rsa-sha512/)
    t.strictSame(
      container.attachments.map((one) => one.digest('SHA-512').toString('base64')),
      q.digests,
    )
  }
}

async function signByRsa(name: ServerName, { instance, certified }: Two): Promise<void> {
  const admin = instance.admin[name]
  const before = await admin.get<{ sha256: string; usage: string }[]>('/token-certificates')
  const [token] = await admin.get<{ id: string }[]>('/tokens')
  const key = { usage: 'SIGNING', label: 'rsa', algorithm: 'RSA-2048' }
  const made = await admin.send<{ csr: { pem: string } }>('POST', `/tokens/${token!.id}/keys-with-csrs`, {
    ...{ key, csr: {} },
  })
  await admin.send('POST', '/token-certificates', await certified('signing', made.csr.pem))
  for (const { sha256, usage } of before)
    if (usage === 'SIGNING') await admin.send('PUT', `/token-certificates/${sha256}/disable`)
}
