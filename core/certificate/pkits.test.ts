/**
 * NIST's PKITS: every path that must be refused is refused. Valid paths that we refuse are listed with their
 * reasons.
 */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { parseCertificate } from './certificate.ts'
import { type Crl, parseCrl, revocationByCrl } from './crl-fixture.ts'
import { refusalOf } from './path-fixture.ts'

const pkits = new URL('../../test/vectors/pkits/', import.meta.url)

/** Valid paths that we refuse, and why. */
const REFUSED_THOUGH_VALID: Record<string, string[]> = {
  'DSA is not among our algorithms': ['DSAParameterInheritanceTest5', 'DSASignaturesTest4'],
  'the list is signed with a key that is not on the path': [
    'BasicSelfIssuedCRLSigningKeyTest6',
    'BasicSelfIssuedNewWithOldTest4',
    'SeparateCertificateandCRLKeysTest19',
  ],
  'the list is indirect': [
    'IDPwithindirectCRLTest22',
    'IDPwithindirectCRLTest24',
    'IDPwithindirectCRLTest25',
    'cRLIssuerTest28',
    'cRLIssuerTest29',
    'cRLIssuerTest30',
    'cRLIssuerTest33',
  ],
  'the list has deltas': ['deltaCRLTest2', 'deltaCRLTest5', 'deltaCRLTest7', 'deltaCRLTest8'],
  'the lists hold some reasons each': ['onlySomeReasonsTest18', 'onlySomeReasonsTest19'],
}

/**
 * File names that contain no verdict: those that PKITS 1.0.1 (sections 4.8, 4.12) calls invalid by default.
 */
const INVALID_BY_DEFAULT = [4, 5, 7, 8, 9, 12].map((n) => `DifferentPoliciesTest${n}EE.crt`)

t.test('PKITS', async (t) => {
  const read = <T>(folder: string, parse: (bytes: Buffer) => T): Map<string, T> => {
    const found = new Map<string, T>()
    for (const file of readdirSync(new URL(folder, pkits))) {
      try {
        found.set(file, parse(readFileSync(new URL(folder + file, pkits))))
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown
      }
    }
    return found
  }
  const certificates = read('certs/', parseCertificate)
  const crls: Crl[] = [...read('crls/', parseCrl).values()]
  const anchors = [certificates.get('TrustAnchorRootCertificate.crt')!]
  const intermediates = [...certificates].filter(([file]) => !file.endsWith('EE.crt')).map(([, ca]) => ca)
  const now = new Date('2020-01-01T00:00:00Z')
  const accepts = (file: string): boolean => {
    const certificate = certificates.get(file)
    const checkRevocation = revocationByCrl(crls, now)
    if (certificate === undefined) return false
    return !refusalOf({ certificate, intermediates, anchors, at: now, purpose: 'any', checkRevocation })
  }
  const ends = readdirSync(new URL('certs/', pkits)).filter((file) => file.endsWith('EE.crt'))
  const judged = ends.filter((file) => /^(Valid|Invalid)/.test(file))
  const falseAccepts = judged.filter((file) => file.startsWith('Invalid') && accepts(file))
  const falseRejects = judged.filter((file) => file.startsWith('Valid') && !accepts(file))
  t.equal(judged.length, 203)
  t.same(falseAccepts, [], 'no false accept')
  const known = Object.values(REFUSED_THOUGH_VALID).flat()
  t.same(
    falseRejects.sort(),
    known.map((test) => `Valid${test}EE.crt`).sort(),
    'false rejects, all with a reason',
  )
  t.comment(
    `${judged.length - falseRejects.length} of ${judged.length} right, ${falseAccepts.length} false accepts`,
  )
  for (const file of ends.filter((end) => !judged.includes(end))) {
    t.equal(accepts(file), !INVALID_BY_DEFAULT.includes(file), file)
  }
})
