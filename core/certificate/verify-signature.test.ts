/** Which signatures are accepted: Wycheproof's verdicts, and weak or unusual algorithms and keys. */
import { createPublicKey } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { children, parseDer } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { type Certificate, isSignedBy, parseCertificate, readAlgorithmIdentifier } from './certificate.ts'
import { bake, type CertificateRecipe, ECDSA_SHA256, newKey, RSA_SHA256 } from './certificate-fixture.ts'

const vectors = new URL('../../test/vectors/', import.meta.url)
const key = newKey()
const parsed = (recipe: Partial<CertificateRecipe> = {}): Certificate =>
  parseCertificate(bake({ key, ...recipe }))

const DIGEST_OID: Record<string, string> = {
  'SHA-256': OID.sha256,
  'SHA-384': OID.sha384,
  'SHA-512': OID.sha512,
}

t.test('Wycheproof: signatures as certificates, CRLs, OCSP and time-stamps carry them', async (t) => {
  type Case = { msg: string; sig: string; result: 'valid' | 'invalid' | 'acceptable'; tcId: number }
  type Group = { publicKeyDer: string; sha: string; sLen?: number; tests: Case[] }
  const folder = new URL('wycheproof/', vectors)
  const counts = { judged: 0, accepted: 0 }
  for (const file of readdirSync(folder).filter((name) =>
    /^(ecdsa_secp\d+r1_sha\d+_test|rsa_(pss|signature)_)/.test(name),
  )) {
    const { testGroups } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as {
      testGroups: Group[]
    }
    for (const group of testGroups) {
      const signatureAlgorithm = readAlgorithmIdentifier(
        parseDer(algorithmOf(file, group.sha, group.sLen ?? 0)),
      )
      const spki = createPublicKey({
        key: Buffer.from(group.publicKeyDer, 'hex'),
        format: 'der',
        type: 'spki',
      })
      const issuer = { ...parsed(), spki: spki.export({ format: 'der', type: 'spki' }) }
      for (const { msg, sig, result, tcId } of group.tests) {
        const signed = {
          tbs: Buffer.from(msg, 'hex'),
          signatureAlgorithm,
          signature: Buffer.from(sig, 'hex'),
        }
        const accepted = isSignedBy(signed, issuer)
        // A PSS salt shorter than the digest is valid, but we refuse it in certificates.
        const wanted = result === 'valid' && !file.endsWith('sha512_mgf1_32_test.json')
        counts.judged++
        if (accepted) counts.accepted++
        if (accepted !== wanted && result !== 'acceptable')
          t.fail(`${file} ${tcId}: ${result}, accepted ${accepted}`)
      }
    }
  }
  t.comment(`${counts.judged} signatures judged, ${counts.accepted} accepted`)
  t.equal(counts.judged, 6390)
})

function algorithmOf(file: string, sha: string, salt: number): Buffer {
  const bits = sha.slice(4) as '256' | '384' | '512'
  if (file.startsWith('ecdsa')) return der.sequence(der.oid(OID[`ecdsaWithSHA${bits}`]))
  if (file.startsWith('rsa_signature'))
    return der.sequence(der.oid(OID[`sha${bits}WithRSAEncryption`]), der.null())
  return pss(DIGEST_OID[sha]!, DIGEST_OID[sha]!, salt)
}

function pss(digest: string, maskDigest: string, salt: number, trailer?: number): Buffer {
  const hash = (oid: string): Buffer => der.sequence(der.oid(oid), der.null())
  return der.sequence(
    der.oid(OID.rsassaPss),
    der.sequence(
      der.explicit(0, hash(digest)),
      der.explicit(1, der.sequence(der.oid(OID.mgf1), hash(maskDigest))),
      der.explicit(2, der.integer(salt)),
      ...(trailer === undefined ? [] : [der.explicit(3, der.integer(trailer))]),
    ),
  )
}

t.test('weak or odd algorithms and keys sign nothing', async (t) => {
  const rsa = newKey(2048)
  const signs = (recipe: Partial<CertificateRecipe>): boolean => {
    const certificate = parsed(recipe)
    return isSignedBy(certificate, certificate)
  }
  t.ok(signs({ key: rsa }))
  t.ok(
    signs({ key: rsa, algorithm: der.sequence(der.oid(OID.sha256WithRSAEncryption)) }),
    'NULL may be absent',
  )
  for (const curve of ['P-256', 'P-384', 'P-521']) t.ok(signs({ key: newKey(curve) }), curve)
  const sha512 = der.sequence(der.oid(OID.ecdsaWithSHA512))
  t.ok(signs({ algorithm: sha512, digest: 'sha512' }))
  const refused: Record<string, Partial<CertificateRecipe>> = {
    'RSA of 1024 bits': { key: newKey(1024) },
    'another curve': { key: newKey('secp256k1') },
    'SHA-1 with RSA': {
      key: rsa,
      digest: 'sha1',
      algorithm: der.sequence(der.oid(OID.sha1WithRSAEncryption), der.null()),
    },
    'MD5 with RSA': {
      key: rsa,
      digest: 'md5',
      algorithm: der.sequence(der.oid(OID.md5WithRSAEncryption), der.null()),
    },
    'SHA-1 with ECDSA': { digest: 'sha1', algorithm: der.sequence(der.oid(OID.ecdsaWithSHA1)) },
    'SHA-224 with ECDSA': { digest: 'sha224', algorithm: der.sequence(der.oid(OID.ecdsaWithSHA224)) },
    'ECDSA with parameters': { algorithm: der.sequence(der.oid(OID.ecdsaWithSHA256), der.null()) },
    'RSA with odd parameters': {
      key: rsa,
      algorithm: der.sequence(der.oid(OID.sha256WithRSAEncryption), der.integer(1)),
    },
    'ECDSA named, RSA used': { key: rsa, algorithm: ECDSA_SHA256 },
    'RSA named, ECDSA used': { algorithm: RSA_SHA256 },
    'an unknown algorithm': { algorithm: der.sequence(der.oid('1.2.3')) },
  }
  for (const [what, recipe] of Object.entries(refused)) t.notOk(signs(recipe), what)
  const sha256 = OID.sha256
  for (const algorithm of [
    pss(sha256, OID.sha1, 32),
    pss(OID.sha1, OID.sha1, 20),
    pss(sha256, sha256, 20),
    pss(sha256, sha256, 32, 2),
    der.sequence(der.oid(OID.rsassaPss)),
    der.sequence(der.oid(OID.rsassaPss), der.sequence()),
  ]) {
    t.notOk(signs({ key: rsa, algorithm }), `PSS of ${children(parseDer(algorithm)).length} fields`)
  }
})
