/** An issuer goes through its form unchanged, also where the form has no field for what it has. */
import t from 'tap'
import { rowsIn, rowsText } from '../../kit/row-values.ts'
import { type Issuer, issuerOf, typedOf } from './issuer.ts'

const at = Date.parse('2026-12-02T00:00:00Z')
const [past, future] = ['2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z']

const whole: Issuer = {
  ...{ name: 'State', purpose: 'Signing in', types: ['urn:eudi:pid:1', 'org.iso.18013.5.1.mDL'] },
  claims: [['personal_code'], ['address', 'two words'], ['a/b', '~c', '*']],
  anchors: [{ certificate: 'AA==', trustedFrom: past, trustedUntil: future }],
  signers: [{ subject: 'CN=One,O=State', policy: '1.2.3' }, { dnsName: 'sign.example' }],
  statusSigners: [{ usage: '1.2.3.4' }],
  ...{ requiresStatus: future, statusHosts: ['status.example', 'other.example:8443'] },
}
const plain: Issuer = {
  name: 'A',
  purpose: 'B',
  types: ['c'],
  anchors: [{ certificate: 'AA==' }],
  requiresStatus: false,
}

const { requiresStatus: _, ...bare } = plain

t.test('what is not changed stays as it was: other terms would end the trust under those of before', (t) => {
  for (const one of [whole, plain, bare, { ...plain, statusHosts: [] }])
    t.strictSame(issuerOf(one.name, typedOf(one, at), { certificate: undefined, now: one, at }), one)
  t.end()
})

t.test('rows are added and left out; a row in which nothing stands says nothing', (t) => {
  const typed = typedOf(whole, at)
  const claims = rowsText([...rowsIn(typed.claims).slice(1), {}, { claim: '  ' }, { claim: ' /born ' }])
  const signers = rowsText([{ subject: '', uri: ' urn:x ' }])
  const changed = issuerOf(
    'State',
    { ...typed, claims, signers, statusSigners: '', cas: '', hosts: '', types: `${typed.types}typed` },
    {
      ...{ certificate: 'BB==', now: whole, at },
    },
  )
  t.strictSame(changed, {
    ...{ name: 'State', purpose: 'Signing in', types: [...whole.types, 'typed'] },
    claims: [...whole.claims!.slice(1), ['born']],
    anchors: [{ certificate: 'BB==' }],
    signers: [{ uri: 'urn:x' }],
    ...{ requiresStatus: future, statusHosts: [] },
  })
  t.end()
})

t.test('trust that has ended does not begin again by a change', (t) => {
  const ended = { ...plain, anchors: [{ certificate: 'AA==', trustedUntil: past }, { certificate: 'BB==' }] }
  const { anchors } = issuerOf('A', typedOf(ended, at), { certificate: undefined, now: ended, at })
  t.strictSame(anchors, [{ certificate: 'BB==' }])
  t.end()
})

t.test('of several CAs each stays or ends, and one comes to them', (t) => {
  const [over, old, next] = [
    { certificate: 'AA==', trustedUntil: past },
    { certificate: 'BB==', trustedFrom: past },
    { certificate: 'CC==', trustedFrom: past, trustedUntil: future },
  ]
  const now = { ...plain, anchors: [over, old, next] }
  const typed = typedOf(now, at)
  const anchorsOf = (cas: string, certificate?: string) =>
    issuerOf('A', { ...typed, cas }, { certificate, now, at }).anchors
  t.equal(typed.cas, '1,2', 'those that count')
  t.strictSame(anchorsOf(typed.cas, 'DD=='), [old, next, { certificate: 'DD==' }])
  t.strictSame(anchorsOf('2'), [next])
  t.strictSame(anchorsOf('', 'DD=='), [{ certificate: 'DD==' }])
  t.strictSame(anchorsOf('0'), [], 'what is over does not come back')
  t.end()
})

t.test('of a new issuer credentials have to name a status, unless somebody says otherwise', (t) => {
  const typed = { ...typedOf(undefined, at), purpose: ' B ', types: 'c' }
  t.match(issuerOf('A', typed, { certificate: 'AA==', now: undefined, at }), {
    ...{ requiresStatus: true, purpose: 'B', claims: undefined, signers: undefined, statusHosts: undefined },
  })
  t.end()
})
