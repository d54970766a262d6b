/**
 * For tests only: changes of a document in X-Road's form (signature-fixture.ts) that leave it X-Road's no
 * longer.
 */
import { hash } from 'node:crypto'
import * as F from './signature-fixture.ts'
import { LINE_BREAK } from './x-road-form.ts'

/** What is changed, and how: of white space, names, algorithms, Ids, namespaces, times. */
export const CHANGES: [what: string, change: (text: string) => string][] = [
  ...(
    [
      '&#xD;\n',
      '&#xd;\n',
      '&#013;\n',
      '&#x0D;&#10;',
      '&#13;&#xA;',
      '\r\n',
      '\n',
      '\r',
      '&#13;',
      '&#13;\n\n',
      '',
      ' ',
      '\t',
    ] as const
  ).map((lineBreak): [string, (text: string) => string] => [
    `lines of base64 end with ${JSON.stringify(lineBreak)}`,
    (all) => all.replaceAll(LINE_BREAK, lineBreak),
  ]),
  ['one line of the digest ends otherwise', (all) => all.replace(LINE_BREAK, '&#xD;\n')],
  [
    'one line of the certificate ends otherwise',
    (all) => all.replace(/(X509Certificate>\n.{76})&#13;/, '$1&#xD;'),
  ],
  ['lines of 64 letters', (all) => all.replace(/(X509Certificate>\n.{64})(.{12})&#13;\n/, '$1&#13;\n$2')],
  ['CR LF between elements', (all) => all.replaceAll('>\n<', '>\r\n<')],
  ['CR as a reference between elements', (all) => all.replaceAll('>\n<', '>&#13;\n<')],
  ['no line feeds between elements', (all) => all.replaceAll('>\n<', '><')],
  ['blanks between elements', (all) => all.replaceAll('>\n<', '>\n  <')],
  ['empty elements with two tags', (all) => all.replace(/<(ds:\w+)( [^<>]*)\/>/g, '<$1$2></$1>')],
  ['one empty element with two tags', (all) => all.replace(/<(ds:\w+)( [^<>]*)\/>/, '<$1$2></$1>')],
  ['a blank before the end of an empty tag', (all) => all.replaceAll('/>', ' />')],
  ['a tab in a URI', (all) => all.replace('URI="/message.xml"', 'URI="/message.xml\t"')],
  ['a tab as a reference in a URI', (all) => all.replace('URI="/message.xml"', 'URI="/message.xml&#9;"')],
  ['a URI of references', (all) => all.replace('URI="/message.xml"', 'URI="/&#x6d;essage.xml"')],
  ['a URI of another case', (all) => all.replace('URI="/message.xml"', 'URI="/MESSAGE.xml"')],
  ['another part', (all) => all.replace('URI="/message.xml"', 'URI="/attachment1"')],
  [
    'the chain with the media type of a message',
    (all) => all.replace('URI="/message.xml"', 'URI="/sig-hashchainresult.xml"'),
  ],
  ['no part', (all) => all.replace('URI="/message.xml"', 'URI=""')],
  ['the whole document by XPointer', (all) => all.replace('URI="/message.xml"', 'URI="#xpointer(/)"')],
  ['the signature itself', (all) => all.replace('URI="/message.xml"', 'URI="#signature"')],
  ['single quotes', (all) => all.replace('Id="signature-reference-0"', "Id='signature-reference-0'")],
  [
    'attributes in another order',
    (all) =>
      all.replace(
        'Id="signature-reference-0" URI="/message.xml"',
        'URI="/message.xml" Id="signature-reference-0"',
      ),
  ],
  ['two blanks between attributes', (all) => all.replace('" URI=', '"  URI=')],
  ['a line feed between attributes', (all) => all.replace('" URI=', '"\nURI=')],
  [
    'exclusive canonicalisation',
    (all) =>
      all.replace(
        'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
        'http://www.w3.org/2001/10/xml-exc-c14n#',
      ),
  ],
  [
    'canonicalisation 1.1',
    (all) =>
      all.replace('http://www.w3.org/TR/2001/REC-xml-c14n-20010315', 'http://www.w3.org/2006/12/xml-c14n11'),
  ],
  ['canonicalisation with comments', (all) => all.replace('c14n-20010315', 'c14n-20010315#WithComments')],
  ...(['xmlenc#sha256', 'xmldsig-more#sha384', 'xmldsig-more#sha512', 'xmlenc#SHA512'] as const).map(
    (name): [string, (text: string) => string] => [
      `the digest method ${name} over the bytes of SHA-512`,
      (all) => all.replace('http://www.w3.org/2001/04/xmlenc#sha512', `http://www.w3.org/2001/04/${name}`),
    ],
  ),
  [
    'SHA-256 of the certificate',
    (all) =>
      all.replace(
        /(<xades:Cert><xades:CertDigest><ds:DigestMethod Algorithm=")[^"]*("\/><ds:DigestValue>)[^<]*/,
        (_all, before: string, after: string) =>
          `${before}http://www.w3.org/2001/04/xmlenc#sha256${after}${hash('sha256', F.signer.certificate.der, 'base64')}`,
      ),
  ],
  [
    'the digest of another certificate',
    (all) =>
      all.replace(
        hash('sha512', F.signer.certificate.der, 'base64'),
        hash('sha512', F.intermediate.certificate.der, 'base64'),
      ),
  ],
  ['another serial number', (all) => all.replace(/(<ds:X509SerialNumber>)/, '$11')],
  [
    'a serial number with blanks',
    (all) => all.replace(/<ds:X509SerialNumber>(\d+)</, '<ds:X509SerialNumber> $1 <'),
  ],
  ['a serial number with zeros', (all) => all.replace(/<ds:X509SerialNumber>/, '<ds:X509SerialNumber>00')],
  ['another issuer', (all) => all.replace(/(<ds:X509IssuerName>)/, '$1CN=evil,')],
  ['a tag in the name of the issuer', (all) => all.replace(/(<ds:X509IssuerName>)/, '$1<ds:KeyName/>')],
  ['a reference in the name of the issuer', (all) => all.replace(/(<ds:X509IssuerName>)C/, '$1&#x43;')],
  [
    'CDATA in the name of the issuer',
    (all) => all.replace(/(<ds:X509IssuerName>)([^<]*)/, '$1<![CDATA[$2]]>'),
  ],
  ['another policy', (all) => all.replace('1.3.6.1.4.1.3516.16.2', '1.3.6.1.4.1.3516.16.3')],
  ['another media type', (all) => all.replace('>text/xml<', '>text/html<')],
  [
    'an object reference to nothing',
    (all) =>
      all.replace('ObjectReference="#signature-reference-0"', 'ObjectReference="#signature-reference-9"'),
  ],
  ['another target', (all) => all.replace('Target="#signature"', 'Target="#signature-value"')],
  [
    'an Id twice, on the OCSP response',
    (all) => all.replace('Id="ocsp-response-1"', 'Id="signed-properties"'),
  ],
  ['an Id twice, on the references', (all) => all.replace('signature-reference-1', 'signature-reference-0')],
  ['an Id twice, on the certificate', (all) => all.replace('Id="encapsulated-cert-1"', 'Id="signature"')],
  ['an Id in lower case', (all) => all.replace('Id="signed-properties"', 'id="signed-properties"')],
  ['xml:id', (all) => all.replace('Id="signed-properties"', 'xml:id="signed-properties"')],
  [
    'OCSP responses from number 2 on',
    (all) => all.replaceAll(/ocsp-response-(\d)/g, (_all, n: string) => `ocsp-response-${Number(n) + 1}`),
  ],
  [
    'no OCSP response',
    (all) => all.replace(/<xades:EncapsulatedOCSPValue.*<\/xades:EncapsulatedOCSPValue>/, ''),
  ],
  ['no revocation values', (all) => all.replace(/<xades:RevocationValues>.*<\/xades:RevocationValues>/, '')],
  ['an empty OCSP response', (all) => all.replace(/(ocsp-response-1">)[^<]*/, '$1')],
  [
    'no references to certificates',
    (all) => all.replace(/<xades:CompleteCertificateRefs.*<\/xades:CompleteCertificateRefs>/, ''),
  ],
  [
    'certificates before their references',
    (all) =>
      all.replace(
        /(<xades:CompleteCertificateRefs.*<\/xades:CompleteCertificateRefs>)(<xades:CertificateValues>.*<\/xades:CertificateValues>)/,
        '$2$1',
      ),
  ],
  [
    'another intermediate certificate',
    (all) =>
      all.replace(
        F.intermediate.certificate.der.toString('base64'),
        F.root.certificate.der.toString('base64'),
      ),
  ],
  ['a comment', (all) => all.replace('<ds:SignedInfo>', '<!-- --><ds:SignedInfo>')],
  ['a processing instruction', (all) => all.replace('<ds:SignedInfo>', '<?x?><ds:SignedInfo>')],
  ['an entity of its own', (all) => all.replace('?><', '?><!DOCTYPE a [<!ENTITY b "c">]><')],
  ['another prefix', (all) => all.replaceAll('ds:', 'dsig:')],
  [
    'a prefix declared anew, the same',
    (all) => all.replace('<ds:SignedInfo>', '<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">'),
  ],
  [
    'a prefix declared anew, another',
    (all) => all.replace('<xades:SignedProperties ', '<xades:SignedProperties xmlns:xades="urn:x" '),
  ],
  ['one more prefix in scope', (all) => all.replace(' xmlns:ds=', ' xmlns:a="urn:a" xmlns:ds=')],
  ['a default namespace in scope', (all) => all.replace(' xmlns:asic=', ' xmlns="urn:a" xmlns:asic=')],
  ['a prefix less in scope', (all) => all.replace(/ xmlns:xsi="[^"]*"/, '')],
  [
    'declarations in another order',
    (all) => all.replace(/( xmlns:xades="[^"]*")( xmlns:xsi="[^"]*")/, '$2$1'),
  ],
  [
    'an attribute that canonical XML inherits',
    (all) => all.replace('<ds:Signature ', '<ds:Signature xml:space="preserve" '),
  ],
  ['the namespace of ASiC 1.1.1', (all) => all.replace('02918/v1.2.1#', '02918/v1.1.1#')],
  ['the namespace of XAdES 1.4.1', (all) => all.replace('01903/v1.3.2#', '01903/v1.4.1#')],
  ['no declaration of XML', (all) => all.replace(/^<\?xml[^>]*>/, '')],
  ['standalone', (all) => all.replace('standalone="no"', 'standalone="yes"')],
  ['Latin 1', (all) => all.replace('encoding="UTF-8"', 'encoding="ISO-8859-1"')],
  ['XML 1.1', (all) => all.replace('version="1.0"', 'version="1.1"')],
  ['a byte order mark', (all) => `\ufeff${all}`],
  ['a line feed at the end', (all) => `${all}\n`],
  ['a second document at the end', (all) => all + all],
  ['a NUL at the end', (all) => `${all}\0`],
  ...(
    [
      '2026-12-01T10:00:00.000Z',
      '2026-12-01T10:00:00Z',
      '2026-12-01T10:00:00.12Z',
      '2026-12-01T10:00:00.1230Z',
      '2026-12-01T10:00:00.123+00:00',
      '2026-12-01T12:00:00.123+02:00',
      '2026-12-01T24:00:00.000Z',
      '2026-12-01T23:59:60Z',
      '+010000-01-01T00:00:00.000Z',
      '-000001-01-01T00:00:00.000Z',
      '2026-02-30T00:00:00Z',
      '2026-12-01',
      '2026-12-01T10:00:00.123',
      'December 1, 2026',
      ' 2026-12-01T10:00:00.123Z',
      '2026-12-01T10:00:00.123z',
      '0',
    ] as const
  ).map((time): [string, (text: string) => string] => [
    `the time ${time}`,
    (all) => all.replace('2026-12-01T10:00:00.123Z', time),
  ]),
]
