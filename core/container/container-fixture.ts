/**
 * For tests only: containers as a security server writes them, signed by the golden identity, judged at a
 * fixed time.
 */
import { hash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { buildTimeStampHashChains } from '#core/signature/hash-chain.ts'
import { insertTimeStamp } from '#core/signature/insert-time-stamp.ts'
import * as F from '#core/signature/signature-fixture.ts'
import { checkSignature } from '#core/signature/verify-signature.ts'
import type { ContainerParts, ContainerVerdict } from './container.ts'
import { readContainer } from './read-container.ts'
import { verifyContainer } from './verify-container.ts'
import { writeContainer } from './write-container.ts'

export const AT = new Date('2027-03-01T12:00:00Z')
export const STAMPED = new Date('2027-03-01T12:00:30Z')
/** The time at which containers are judged. */
export const NOW = new Date('2028-01-01T00:00:00Z')
export const body = Buffer.from('{"persons":[]}')

/** An attachment that arrives in two pieces. */
export const attachment = (bytes: Buffer, number = 1): ContainerParts['attachments'][number] => ({
  name: `attachment${number}`,
  size: bytes.length,
  open: () => Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]),
})

/**
 * The parts of a container as a security server writes it: a request with bodies, and one time-stamp over one
 * or two signatures.
 */
export async function parts(
  o: {
    bodies?: Buffer[]
    identity?: F.Identity
    single?: boolean
    at?: Date
    stamped?: Date
    accuracySeconds?: number
    message?: Buffer
  } = {},
): Promise<ContainerParts> {
  const { bodies = [body], identity = F.freshSigner(AT), at = AT, stamped = STAMPED, message = F.REQUEST } = o
  const [signed] = F.signMessages(
    [
      [
        { name: '/message.xml', bytes: message },
        ...bodies.map((bytes, index) => ({ name: `/attachment${index + 1}`, bytes })),
      ],
    ],
    identity,
    at,
  )
  const base = {
    message,
    ...signed!,
    attachments: bodies.map((bytes, index) => attachment(bytes, index + 1)),
  }
  if (o.single) {
    const { signatureValue } = await checkSignature(base.signatures)
    return {
      ...base,
      signatures: insertTimeStamp(base.signatures, F.timeStamp(signatureValue, stamped, o.accuracySeconds)),
    }
  }
  const chains = buildTimeStampHashChains([randomBytes(64), hash('sha512', base.signatures, 'buffer')])
  return {
    ...base,
    timestampHashChainResult: chains.result,
    timestampHashChain: chains.chain(1),
    timestampToken: F.timeStamp(chains.result, stamped, o.accuracySeconds),
  }
}

/** The bytes of the container file. */
export const written = async (container: ContainerParts): Promise<Buffer> => buffer(writeContainer(container))

/** The verdict on a file, by default with the golden configuration. */
export async function judge(
  bytes: Buffer,
  o: { configuration?: Parameters<typeof verifyContainer>[0]['configuration']; now?: Date } = {},
): Promise<ContainerVerdict> {
  const { configuration = F.configuration(), now = NOW } = o
  return verifyContainer({ container: await readContainer(bytes), configuration, now })
}
