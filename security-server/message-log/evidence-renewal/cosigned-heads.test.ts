/** Evidence records while witnesses are away for long, come back late or are silent; on both stores. */
import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { issueCertificate } from '#certs/ca/issue-certificate.ts'
import { signerOf } from '#certs/keys.ts'
import { PROFILES } from '#certs/profiles.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { writeTstInfo } from '#core/timestamp/tst-info.ts'
import { writeToken } from '#core/timestamp/write-token.ts'
import { eachDatabase } from '#test/databases.ts'
import { logFolder, logOptions, openTestLog, signedRecord } from '../fixture.ts'

const START = Date.UTC(2027, 0, 4)
const DAY = 86_400_000
/** More than are compared at once. */
const MANY = 33

async function witnessedLog(t: Test, url: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name: [string, string][] = [['CN', 'TSA']]
  const certificate = await issueCertificate({
    ...{ subject: name, publicKey, profile: PROFILES.tsa, issuer: { name, publicKey, privateKey } },
    ...{ notBefore: new Date(START - DAY), notAfter: new Date(START + 700 * DAY) },
  })
  const made = {
    cosigning: [] as string[],
    stamps: 0,
    submit: (): Promise<void> => made.cosign(),
    cosign: async (): Promise<void> => {
      const { size } = parseCheckpoint((await made.log.witnesses.newestCheckpoint())!)
      for (const witness of made.cosigning)
        await made.log.witnesses.putCosignature({
          size,
          witness,
          time: '2027-01-04',
          line: `${witness} says so`,
        })
    },
    /** A record and a tree head over it. */
    logged: async (): Promise<number> => {
      const { index } = await made.log.append(await signedRecord())
      await made.log.checkpointNow()
      return index
    },
    sizeFor: async (index: number) => (await made.log.evidenceRecord(index))?.size,
    log: await openTestLog(t, {
      ...logOptions(logFolder(t), url),
      clock: () => START,
      stamp: async (imprint, digest = 'SHA-512') => {
        const content = writeTstInfo({
          ...{ digest, imprint, policy: '1.2.3', time: new Date(START) },
          serialNumber: BigInt(++made.stamps),
        })
        const signed = { digest: 'SHA-256' as const, sign: signerOf(privateKey) }
        const token = writeToken({ content, certificate, includeCertificates: [certificate], ...signed })
        return { token, certificates: [certificate.der], ocspResponses: [] }
      },
    }),
  }
  made.log.witnesses.useQuorum({
    submit: () => made.submit(),
    isMetBy: (witnesses) => ['one', 'two'].every((one) => witnesses.includes(one)),
  })
  return made
}

t.test('a head that was cosigned before witnesses went away is found below many that were not', (t) =>
  eachDatabase(t, async (_database, t, url) => {
    const made = await witnessedLog(t, url)
    const first = await made.logged()
    made.cosigning = ['one', 'two']
    await made.cosign()
    made.cosigning = ['one']
    for (let nth = 0; nth < MANY; nth++) {
      await made.logged()
      await made.cosign()
    }
    t.equal(await made.sizeFor(first), first + 1)
    await made.log.close()
  }),
)

t.test('many records over heads that too few cosigned do not hide the one that a quorum did', (t) =>
  eachDatabase(t, async (_database, t, url) => {
    const made = await witnessedLog(t, url)
    const first = await made.logged()
    t.equal(await made.sizeFor(first), first + 1)
    for (let nth = 0; nth < MANY; nth++) await made.sizeFor(await made.logged())
    t.equal(made.stamps, MANY + 1)
    made.cosigning = ['one', 'two']
    const size = (await made.logged()) + 1
    await made.cosign()
    t.equal(await made.sizeFor(first), size)
    await made.logged()
    await made.cosign()
    t.equal(await made.sizeFor(first), size, 'it has its record')
    t.equal(made.stamps, MANY + 2, 'and the authority is not asked again for each tree head')
    await made.log.close()
  }),
)

t.test('a silent witness beside a quorum is not waited for', (t) =>
  eachDatabase(t, async (_database, t, url) => {
    const made = await witnessedLog(t, url)
    made.cosigning = ['one', 'two']
    const silent = Promise.withResolvers<void>()
    made.submit = async () => {
      await made.cosign()
      await silent.promise
    }
    const first = await made.logged()
    t.equal(await made.sizeFor(first), first + 1)
    t.equal(made.stamps, 1, 'before the silent one answers')
    silent.resolve()
    await made.log.close()
  }),
)
