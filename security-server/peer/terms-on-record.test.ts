/** The circumstances on record: the same object while nothing changes, and never an outdated one. */
import t from 'tap'
import { readCircumstances } from '#core/circumstances/read.ts'
import { NO_TERMS, type RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import type { ConfigurationSnapshot } from '../global-configuration/snapshot.ts'
import { type TermsOnRecord, termsOnRecord } from './terms-on-record.ts'

const snapshot = (statementIndex: number | undefined): ConfigurationSnapshot =>
  ({ instance: 'DEV', statementIndex, version: 'v1' }) as ConfigurationSnapshot
const agreed = {
  ...{ id: '0b0e8a3c-6b8e-4b8a-9d38-4f4b0c0f6a11', version: 1, hash: 'ab'.repeat(32), title: 'a title' },
  ...{ purpose: 'a purpose', legalBasis: 'an act', endpoint: { method: 'GET', path: '/a' } },
}

t.test('made once while nothing changes', (t) => {
  let described = 0
  const same = { snapshot: snapshot(7), local: {}, key: 'a', terms: NO_TERMS }
  const held = (changes: Partial<Parameters<typeof termsOnRecord>[0]> = {}): TermsOnRecord =>
    termsOnRecord({
      ...same,
      describe: () => {
        described++
        return { side: 'provider' }
      },
      ...changes,
    })
  const first = held()
  t.match(first, { contract: '', configuration: 'DEV/7' })
  t.equal(held(), first)
  t.equal(described, 1)
  const covered: RecordTerms = { contract: `${agreed.id}/1`, logLevel: 'digest', keepDays: 3, agreed }
  const under = held({ terms: covered })
  t.match(under, { contract: covered.contract, logLevel: 'digest', keepDays: 3, configuration: 'DEV/7' })
  t.notOk('agreed' in under, 'what the contract says stands in the document')
  const { digest, document } = under.circumstances!
  t.strictSame(readCircumstances(Buffer.from(document), digest), {
    version: 1,
    side: 'provider',
    contract: agreed,
  })
  const changes = {
    configuration: { snapshot: snapshot(8) },
    'our own systems': { local: {} },
    endpoint: { key: 'b' },
    contract: { terms: { ...covered } },
  }
  for (const [what, change] of Object.entries(changes)) {
    const before = described
    held(change)
    t.equal(described, before + 1, `another ${what} is looked at anew`)
  }
  t.equal(held({ snapshot: snapshot(undefined) }).configuration, 'DEV#v1', 'of a source without an index')
  for (let n = 0; n < 10_001; n++) held({ key: `many ${n}` })
  const before = described
  held()
  t.equal(described, before + 1, 'no more than so many are remembered')
  t.end()
})
