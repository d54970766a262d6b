import { execFileSync } from 'node:child_process'
import { createHash, createPrivateKey, sign } from 'node:crypto'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationStatement } from '#schemas/global-configuration.ts'
import { DIGEST_URI } from '#schemas/wire.ts'
import { samplePrivate, sampleShared } from '#test/fakes/configuration-sample.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { anchorHash, parseAnchor, writeAnchor } from './anchor.ts'
import { certificateDer } from './certificate-bytes.ts'
import { writeDirectory, writeSharedParameters, writeStatement } from './configuration-fixture.ts'
import { parseDirectory } from './directory.ts'
import { type DirectoryPart, publicationStamp, publicationTime } from './directory-parts.ts'
import { verifyDirectory } from './directory-verify.ts'
import { writePartMetadata } from './part-metadata.ts'
import { parsePrivateParameters, writePrivateParameters } from './private-parameters.ts'
import { parseSharedParameters } from './shared-parameters-read.ts'
import { signatureUriFor } from './signature-method.ts'
import { documentSigner } from './signed-document.ts'
import { verifyStatement } from './statement.ts'

const VECTORS = path.join(import.meta.dirname, '../../test/vectors/x-road/configuration')
const GOLDEN = path.resolve('schemas/golden/configuration')
const sha512 = (bytes: Buffer): Buffer => createHash('sha512').update(bytes).digest()

/** X-Road keeps certificates as uploaded, we write DER: the only difference between its files and ours. */
function withDer(xml: Buffer): string {
  return xml.toString().replace(/(Cert|cert)>([A-Za-z0-9+/=]+)</g, (_, name: string, value: string) => {
    const der = certificateDer(Buffer.from(value, 'base64'), 'malformed_global_conf')
    return `${name}>${der.toString('base64')}<`
  })
}

function codeOf(act: () => unknown): string {
  try {
    act()
    return 'accepted'
  } catch (error) {
    return error instanceof Fault ? error.code : `not a fault: ${String(error)}`
  }
}

void t.test("X-Road's own configurations, version 3 to 6", async (t) => {
  const anchorFile = readFileSync(path.join(VECTORS, 'configuration_anchor_CS_internal.xml'))
  const anchor = await parseAnchor(anchorFile)
  t.equal(anchor.instance, 'DEV')
  t.same(
    anchor.sources.map((source) => source.downloadUrl),
    ['http://cs/internalconf', 'https://cs/internalconf'],
  )
  t.ok(writeAnchor(anchor).equals(anchorFile), 'the anchor is written to the byte')
  t.equal(
    anchorHash(anchorFile),
    createHash('sha224')
      .update(anchorFile)
      .digest('hex')
      .toUpperCase()
      .replace(/..(?=.)/g, '$&:'),
  )

  for (const version of [3, 4, 5, 6]) {
    const folder = path.join(VECTORS, `V${version}`)
    const file = (name: string): Buffer => readFileSync(globSync(path.join(folder, '*', name))[0] as string)
    const xml = file('shared-params.xml')
    const shared = await parseSharedParameters(xml)
    t.equal(
      writeSharedParameters(shared, version === 3 ? 4 : (version as 4)).toString(),
      withDer(xml),
      `V${version} shared`,
    )
    const privateXml = file('private-params.xml')
    t.ok(
      writePrivateParameters(await parsePrivateParameters(privateXml)).equals(privateXml),
      `V${version} private`,
    )

    for (const kind of ['internal', 'external'] as const) {
      const body = readFileSync(path.join(folder, `${kind}conf`))
      const directory = parseDirectory(body)
      t.equal(directory.version, version)
      t.equal(directory.expireDate.getTime() > Date.parse('2034-01-01'), true)
      const listedCerts = shared.sources.flatMap((source) => source[`${kind}VerificationCerts`])
      const anchored = anchor.sources.flatMap((source) => source.verificationCerts)
      // The key in the anchor signed the V6 internalconf; keys in shared-params signed all others.
      const byAnchor = version === 6 && kind === 'internal'
      const verdictOf = (certificates: Buffer[]): string =>
        codeOf(() => verifyDirectory(directory, certificates))
      t.equal(verdictOf(byAnchor ? anchored : listedCerts), 'accepted', `V${version} ${kind}`)
      t.equal(
        verdictOf(byAnchor ? listedCerts : anchored),
        'invalid_global_conf_signature',
        `V${version} ${kind}`,
      )
      const listed = directory.parts.find((part) => part.identifier === 'SHARED-PARAMETERS')?.hash
      const stale = version === 6 && kind === 'external'
      t.equal(
        listed?.equals(sha512(xml)),
        !stale,
        `V${version} ${kind} lists ${stale ? 'a stale' : 'the right'} hash`,
      )
      const boundaries = [...body.toString().matchAll(/boundary=(\w+)/g)].map((match) => match[1]) as [
        string,
        string,
      ]
      const again = writeDirectory({
        ...directory,
        verificationCert: [...listedCerts, ...anchored].find((cert) =>
          sha512(cert).equals(directory.certHash),
        ) as Buffer,
        algorithmId: directory.signatureAlgorithmId,
        sign: () => directory.signature,
        boundaries,
      })
      t.ok(again.equals(body), `V${version} ${kind} is written to the byte`)
    }
  }
})

void t.test('every flipped bit of a directory is refused or without effect', async (t) => {
  const anchor = await parseAnchor(readFileSync(path.join(VECTORS, 'configuration_anchor_CS_internal.xml')))
  const certificates = anchor.sources[0]?.verificationCerts as Buffer[]
  const body = readFileSync(path.join(VECTORS, 'V6', 'internalconf'))
  const { signedBytes, parts, expireDate, version } = parseDirectory(body)
  const harmful: string[] = []
  for (let bit = 0; bit < body.length * 8; bit++) {
    const flipped = Buffer.from(body)
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    try {
      const directory = parseDirectory(flipped)
      verifyDirectory(directory, certificates)
      const same =
        directory.signedBytes.equals(signedBytes) &&
        JSON.stringify([directory.parts, directory.expireDate, directory.version]) ===
          JSON.stringify([parts, expireDate, version])
      if (!same) harmful.push(`bit ${bit} changed the meaning`)
    } catch (error) {
      if (!(error instanceof Fault)) harmful.push(`bit ${bit}: ${String(error)}`)
    }
  }
  t.same(harmful, [])
})

function golden(): Record<string, Buffer> {
  const key = createPrivateKey(readFileSync(path.join(GOLDEN, 'signing.key')))
  const certificate = certificateDer(readFileSync(path.join(GOLDEN, 'signing.pem')), 'malformed_global_conf')
  const shared = sampleShared({ instance: 'GOLD', certificate })
  const anchor = {
    generatedAt: new Date('2026-01-02T03:04:05.678Z'),
    instance: 'GOLD',
    sources: [{ downloadUrl: 'http://registry/internalconf', verificationCerts: [certificate] }],
  }
  const peer = { ...anchor, instance: 'PEER' }
  const sharedXml = writeSharedParameters(shared, 6)
  const privateXml = writePrivateParameters(samplePrivate({ instance: 'GOLD', certificate, anchors: [peer] }))
  const part = (identifier: string, file: string, bytes: Buffer): DirectoryPart => ({
    identifier,
    instance: 'GOLD',
    location: `/V6/${publicationStamp(new Date('2026-01-02T03:04:05.678Z'))}/${file}`,
    hashAlgorithm: DIGEST_URI['SHA-512'],
    hash: sha512(bytes),
  })
  const parts = [
    part('SHARED-PARAMETERS', 'shared-params.xml', sharedXml),
    part('PRIVATE-PARAMETERS', 'private-params.xml', privateXml),
  ]
  const expireDate = new Date('2026-01-03T03:04:05Z')
  const statement: ConfigurationStatement = {
    instance: 'GOLD',
    index: 42,
    generatedAt: '2026-01-02T03:04:05.678Z',
    expireDate: '2026-01-03T03:04:05Z',
    parts: Object.fromEntries(
      parts.map(({ identifier, location, hash }) => [
        `V6/${identifier}`,
        { location, sha512: hash.toString('base64') },
      ]),
    ),
  }
  return {
    'shared-params-v4.xml': writeSharedParameters(shared, 4),
    'shared-params-v5.xml': writeSharedParameters(shared, 5),
    'shared-params-v6.xml': sharedXml,
    'private-params.xml': privateXml,
    'anchor.xml': writeAnchor(anchor),
    'shared-params.xml.metadata': writePartMetadata({
      contentIdentifier: 'SHARED-PARAMETERS',
      instanceIdentifier: 'GOLD',
      expirationDate: expireDate,
      contentLocation: parts[0]?.location,
      configurationVersion: '6',
    }),
    internalconf: writeDirectory({
      expireDate,
      version: 6,
      parts,
      verificationCert: certificate,
      algorithmId: signatureUriFor(key),
      sign: (data) => sign('sha512', data, key),
      boundaries: ['AAAAAAAAAAaaaaaaaaaa', 'BBBBBBBBBBbbbbbbbbbb'],
    }),
    'internalconf-statement': Buffer.from(writeStatement(statement, documentSigner(certificate, key))),
  }
}

void t.test('golden files are reproduced byte for byte and read back', async (t) => {
  const files = golden()
  for (const [name, bytes] of Object.entries(files)) {
    const file = path.join(GOLDEN, name)
    if (process.env['WRITE_GOLDEN'] === '1') writeFileSync(file, bytes)
    t.equal(bytes.toString(), readFileSync(file, 'utf8'), name)
  }
  const certificate = certificateDer(readFileSync(path.join(GOLDEN, 'signing.pem')), 'malformed_global_conf')
  const shared = sampleShared({ instance: 'GOLD', certificate })
  t.same(
    await parseSharedParameters(files['shared-params-v6.xml'] as Buffer),
    shared,
    'version 6 holds everything',
  )
  const v5 = await parseSharedParameters(files['shared-params-v5.xml'] as Buffer)
  t.equal(v5.members[0]?.subsystems[0]?.name, 'Persons')
  t.equal(v5.approvedTsas[0]?.costType, undefined, 'version 5 has no cost types')
  const v4 = await parseSharedParameters(files['shared-params-v4.xml'] as Buffer)
  t.equal(v4.members[0]?.subsystems[0]?.name, undefined, 'version 4 has no names of subsystems')
  t.equal(v4.securityServers[0]?.maintenance, undefined)

  const directory = parseDirectory(files['internalconf'] as Buffer)
  verifyDirectory(directory, [certificate])
  const statement = verifyStatement(String(files['internalconf-statement']), [certificate])
  t.equal(statement.index, 42)
  t.equal(publicationTime(directory.parts[0]?.location ?? ''), Date.parse('2026-01-02T03:04:05.678Z'))
  const metadata = JSON.parse(String(files['shared-params.xml.metadata'])) as { expirationDate: string }
  t.equal(metadata.expirationDate, '2026-01-03T03:04:05Z')

  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-golden-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [data, value, key] = ['data', 'value', 'key'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(data, directory.signedBytes)
  writeFileSync(value, directory.signature)
  writeFileSync(
    key,
    execFileSync('openssl', ['x509', '-in', path.join(GOLDEN, 'signing.pem'), '-pubkey', '-noout']),
  )
  const said = execFileSync('openssl', ['dgst', '-sha512', '-verify', key, '-signature', value, data], {
    encoding: 'utf8',
  })
  t.match(said, 'Verified OK', 'openssl agrees about the signed bytes')
})

void t.test('directories of other makes', async (t) => {
  const { key, certificate } = createConfigurationSigner('EC signer')
  const hash = Buffer.alloc(64, 7)
  const proxyParts = [
    '--IB\r\nExpire-date: 2030-01-01T00:00:00.123Z\r\nVersion: 6\r\n\r\n',
    '\r\n--IB\r\ncontent-type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n',
    'Content-identifier: SHARED-PARAMETERS; instance="EE"\r\n',
    'Content-location: /PROXY1/1767225600000/EE/V6/20260101000000000000000/shared-params.xml\r\n',
    `Hash-algorithm-id: ${DIGEST_URI['SHA-512']}\r\n\r\n${hash.toString('base64')}\r\n--IB--\r\n`,
  ].join('')
  const signature = sign('sha512', Buffer.from(proxyParts), { key, dsaEncoding: 'der' })
  const proxy = (signed: string): Buffer =>
    Buffer.from(
      `Content-Type: multipart/related; type="multipart/mixed"; charset=UTF-8; boundary=OB\n\n--OB\r\n` +
        `Content-Type: multipart/mixed; charset=UTF-8; boundary=IB\r\n\r\n${signed}\r\n--OB\r\n` +
        'Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n' +
        `Signature-Algorithm-Id: ${signatureUriFor(key)}\r\n` +
        `Verification-certificate-hash: ${sha512(certificate).toString('base64')}; hash-algorithm-id=${DIGEST_URI['SHA-512']}\r\n\r\n` +
        `${signature.toString('base64')}\r\n--OB--\r\n`,
    )
  const directory = parseDirectory(proxy(proxyParts))
  verifyDirectory(directory, [certificate])
  t.match(directory.parts, [{ instance: 'EE', identifier: 'SHARED-PARAMETERS', hash }])
  t.equal(publicationTime(directory.parts[0]?.location ?? ''), Date.parse('2026-01-01T00:00:00Z'))
  t.equal(publicationTime('/conf/shared-params.xml'), undefined)

  const refused: [string, string, string][] = [
    ['a doubled header', 'Version: 6', 'Version: 6\r\nVersion: 6'],
    ['no expiry', 'Expire-date: 2030-01-01T00:00:00.123Z', 'X: y'],
    ['an expiry that is no time', '2030-01-01T00:00:00.123Z', 'tomorrow'],
    ['version 1', 'Version: 6', 'Version: 1'],
    ['another host', '/PROXY1/', '//evil/'],
    ['another address', '/PROXY1/', 'http://evil/'],
    ['a step up', '/PROXY1/', '/a/../'],
    ['an encoded step up', '/PROXY1/', '/a/%2E%2e/'],
    ['a weak hash', DIGEST_URI['SHA-512'], DIGEST_URI['SHA-1']],
    ['a hash of another length', DIGEST_URI['SHA-512'], DIGEST_URI['SHA-256']],
    ['no instance', '; instance="EE"', ''],
    ['an end that is cut', '\r\n--IB--\r\n', '\r\n'],
    ['bytes after the end', '--IB--\r\n', '--IB--\r\nmore'],
    ['a time that does not exist', '20260101000000000000000', '20260101990000000000000'],
  ]
  for (const [what, from, to] of refused) {
    const act = (): unknown =>
      publicationTime(parseDirectory(proxy(proxyParts.replace(from, to))).parts[0]?.location ?? '')
    t.equal(codeOf(act), 'malformed_global_conf', what)
  }
  t.equal(
    codeOf(() => parseDirectory(Buffer.alloc(0))),
    'malformed_global_conf',
  )
  t.equal(
    codeOf(() => parseDirectory(Buffer.alloc(2_000_000, 65))),
    'malformed_global_conf',
    'huge',
  )
  for (let length = 0; length < proxy(proxyParts).length - 2; length += 7) {
    t.equal(
      codeOf(() => parseDirectory(proxy(proxyParts).subarray(0, length))),
      'malformed_global_conf',
    )
  }
  const other = createConfigurationSigner('RSA signer', 'rsa')
  t.equal(
    codeOf(() => verifyDirectory(directory, [other.certificate])),
    'invalid_global_conf_signature',
  )
  const asRsa = { ...directory, certHash: sha512(other.certificate) }
  t.equal(
    codeOf(() => verifyDirectory(asRsa, [other.certificate])),
    'invalid_global_conf_signature',
    'kind of key',
  )
})

void t.test('statements', async (t) => {
  for (const kind of ['ec', 'rsa'] as const) {
    const signer = createConfigurationSigner('signer', kind)
    const jwsSigner = documentSigner(signer.certificate, signer.key)
    const statement: ConfigurationStatement = {
      instance: 'DEV',
      index: 7,
      generatedAt: '2026-01-01T00:00:00.000Z',
      expireDate: '2026-01-02T00:00:00.000Z',
      parts: {
        'V6/SHARED-PARAMETERS': { location: '/V6/1/x.xml', sha512: Buffer.alloc(64).toString('base64') },
      },
    }
    const jws = writeStatement(statement, jwsSigner)
    t.same(verifyStatement(jws, [signer.certificate]), statement, kind)
    const withGrace = { ...statement, graceUntil: '2026-01-03T00:00:00.000Z' }
    t.same(verifyStatement(writeStatement(withGrace, jwsSigner), [signer.certificate]), withGrace)
    const stranger = createConfigurationSigner('stranger', kind)
    t.equal(
      codeOf(() => verifyStatement(jws, [stranger.certificate])),
      'invalid_global_conf_signature',
    )
    const forged = writeStatement(statement, {
      ...jwsSigner,
      sign: documentSigner(stranger.certificate, stranger.key).sign,
    })
    t.equal(
      codeOf(() => verifyStatement(forged, [signer.certificate])),
      'invalid_global_conf_signature',
    )
    const harmful: number[] = []
    for (let at = 0; at < jws.length; at++) {
      const flipped = jws.slice(0, at) + (jws[at] === 'A' ? 'B' : 'A') + jws.slice(at + 1)
      if (codeOf(() => verifyStatement(flipped, [signer.certificate])) === 'accepted') harmful.push(at)
    }
    t.same(harmful, [], `${kind}: no changed character is taken`)
    const bad: unknown[] = [
      { ...statement, index: -1 },
      { ...statement, index: 1.5 },
      { ...statement, index: '7' },
      { ...statement, more: 1 },
      { ...statement, expireDate: 'never' },
      ...[
        statement.expireDate,
        'never',
        24,
        null,
        '2026-01-03T00:00:00.001Z',
        '2026-01-01T12:00:00.000Z',
      ].map((graceUntil) => ({ ...statement, graceUntil })),
      { ...statement, parts: { '../x': { location: '/', sha512: '' } } },
      { ...statement, parts: [] },
    ]
    for (const content of bad) {
      const text = writeStatement(content as ConfigurationStatement, jwsSigner)
      t.equal(
        codeOf(() => verifyStatement(text, [signer.certificate])),
        'malformed_global_conf',
      )
    }
  }
  const none = Buffer.from('{"alg":"none","x5t#S256":"x"}').toString('base64url')
  t.equal(
    codeOf(() => verifyStatement(`${none}.e30.AA`, [])),
    'malformed_global_conf',
    'alg none',
  )
})
