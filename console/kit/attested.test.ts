/** What a wallet has to attest is written in lines of a form, and read from them as it was. */
import t from 'tap'
import { claimText, placeIn, placeText, valueIn, valueText } from './attested.ts'

t.test('values keep their kind', (t) => {
  for (const value of [true, false, 'true', 'false', 7, -7, '7', 0, 'C', '"C"', '"', '', 'two words', '7.5'])
    t.equal(valueIn(valueText(value)), value, JSON.stringify(value))
  t.equal(valueText('true'), '"true"')
  t.equal(valueIn('"a'), '"a', 'half a quote is a letter')
  t.end()
})

t.test('places keep their claim and issuers', (t) => {
  for (const place of [
    { format: 'dc+sd-jwt', type: 'urn:eudi:pid:1', claim: ['age_equal_or_over', '18'] },
    {
      format: 'dc+sd-jwt',
      type: 'x',
      claim: ['a/b', '~c', 'd~1', null],
      issuers: ['State', 'Office_of.Roads-1'],
    },
    { format: 'mso_mdoc', type: 'org.iso.18013.5.1.mDL', claim: ['org.iso.18013.5.1', 'two words'] },
  ])
    t.same(placeIn(placeText(place)), place)
  t.equal(claimText(['nationalities', null]), '/nationalities/*')
  const issuers = ['State']
  t.same(placeIn('  mso_mdoc   d  n/e | State '), {
    format: 'mso_mdoc',
    type: 'd',
    claim: ['n', 'e'],
    issuers,
  })
  t.same(placeIn('x'), { format: 'x', type: '', claim: [''] }, 'which the server refuses')
  t.end()
})
