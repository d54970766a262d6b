/**
 * How a registry's trust in an issuer changes: anchor by anchor, and without losing what was trusted before.
 */
import t from 'tap'
import { bake, caExtensions, commonName, newKey } from '#core/certificate/certificate-fixture.ts'
import { LICENCE, NOON, PERSON } from '#test/fakes/wallet/authority.ts'
import {
  isWithdrawn,
  readPublishedIssuers,
  replaceIssuer,
  startIssuer,
  withdrawIssuer,
} from './published-issuers.ts'
import { anchorsAt, readTrustedIssuers } from './trusted-issuers.ts'

const anchorOf = (name: string): { certificate: string } => {
  const recipe = {
    subject: commonName(name),
    key: newKey(),
    extensions: caExtensions(),
    keyIdentifiers: true,
  }
  return { certificate: bake(recipe).toString('base64') }
}
const anchor = anchorOf('Root')
const time = (hours: number): Date => new Date(NOON.getTime() + hours * 3_600_000)
const terms = { name: 'State', purpose: 'Licences', types: [LICENCE], statusHosts: ['a.example'] }

void t.test(
  'what a registry trusted stays as it was, through changes, ends and trust that begins again',
  async (t) => {
    const first = startIssuer({ ...terms, anchors: [anchor] }, time(0))
    t.strictSame(first.anchors, [{ ...anchor, trustedFrom: time(0).toISOString() }])
    const said = { ...anchor, trustedFrom: time(-9).toISOString() }
    t.strictSame(startIssuer({ ...terms, anchors: [said] }, time(0)).anchors, [said], 'unless it is said')
    const ended = withdrawIssuer(first, time(1))
    t.ok(isWithdrawn(ended, time(1)))
    // Trusted again for something else, first with the body as it was read.
    t.throws(() => replaceIssuer(ended, { ...terms, anchors: ended.anchors }, time(2)), /withdraw the issuer/)
    const other = { ...terms, types: [PERSON], statusHosts: ['b.example'] }
    const again = replaceIssuer(ended, { ...other, anchors: [anchor] }, time(2))
    // And changed while it is trusted: the time before is not judged by the new terms.
    const wider = replaceIssuer(
      again,
      { ...other, types: [PERSON, LICENCE], anchors: again.anchors },
      time(3),
    )
    const same = replaceIssuer(wider, { ...wider, purpose: 'Other words' }, time(4))
    t.strictSame([same.anchors, same.former], [wider.anchors, wider.former], 'words alone change nothing')
    const issuers = readTrustedIssuers(readPublishedIssuers([withdrawIssuer(same, time(5))]))
    const at = (hours: number) =>
      issuers
        .filter((one) => anchorsAt(one, time(hours)).length > 0)
        .map(({ types, statusHosts }) => [types, statusHosts])
    t.strictSame([-1, 0.5, 1.5, 2.5, 3.5, 5].map(at), [
      [],
      [[[LICENCE], ['a.example']]],
      [],
      [[[PERSON], ['b.example']]],
      [[[PERSON, LICENCE], ['b.example']]],
      [],
    ])
    for (const former of [
      [],
      {},
      [1],
      [{}],
      [{ ...terms, anchors: [anchor] }],
      Array.from({ length: 101 }, () => ({})),
    ])
      t.throws(() => readPublishedIssuers([{ ...first, former }]), { code: 'invalid_input' })
  },
)

void t.test('an issuer that changes its CA has both for a time', async (t) => {
  const [old, next] = [anchor, anchorOf('Root 2')]
  const first = startIssuer({ ...terms, anchors: [old] }, time(0))
  const both = replaceIssuer(first, { ...terms, anchors: [...first.anchors, next] }, time(1))
  t.strictSame(both.anchors, [...first.anchors, { ...next, trustedFrom: time(1).toISOString() }])
  t.equal(both.former, undefined, 'nothing ended')
  const alone = replaceIssuer(both, { ...terms, anchors: both.anchors.slice(1) }, time(2))
  t.strictSame(alone.anchors, both.anchors.slice(1), 'the new one goes on as it was')
  t.match(alone.former, [{ anchors: [{ ...old, trustedUntil: time(2).toISOString() }] }])
  const issuers = readTrustedIssuers(readPublishedIssuers([alone]))
  const at = (hours: number): string[] =>
    issuers.flatMap((one) => anchorsAt(one, time(hours)).map(({ der }) => der.toString('base64')))
  t.strictSame([0.5, 1.5, 2.5].map(at), [
    [old.certificate],
    [next.certificate, old.certificate],
    [next.certificate],
  ])
})

void t.test('other signers of status lists are other terms', async (t) => {
  const statusSigners = [{ subject: 'CN=Lists' }]
  const first = startIssuer({ ...terms, statusSigners, anchors: [anchor] }, time(0))
  t.match(readPublishedIssuers([first]), [{ statusSigners }])
  const { anchors } = first
  const without = replaceIssuer(first, { ...terms, anchors }, time(1))
  t.match(without, {
    statusSigners: undefined,
    former: [{ statusSigners, anchors: [{ trustedUntil: String }] }],
  })
  const same = replaceIssuer(first, { ...terms, statusSigners, anchors }, time(1))
  t.strictSame(same, first)
  for (const wrong of [[], 'x', [{}], [{ subject: 1 }]])
    t.throws(() => readPublishedIssuers([{ ...first, statusSigners: wrong }]), { code: 'invalid_input' })
})
