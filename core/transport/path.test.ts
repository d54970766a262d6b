import fc from 'fast-check'
import t from 'tap'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { checkPathGlob, checkServicePath, matchPathGlob } from './service-path.ts'

function codeOf(act: () => unknown): FaultCode | 'accepted' {
  try {
    act()
    return 'accepted'
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.code
    throw thrown
  }
}

void t.test('one canonical path', async (t) => {
  const accepted: [string, string][] = [
    ['', ''],
    ['/', '/'],
    ['/a/b/', '/a/b/'],
    ['/a.b/...a/.well-known/c..d', '/a.b/...a/.well-known/c..d'],
    ['/%61dmin/%C3%B5', '/admin/\u00f5'],
    ['/a;v=1;w/b', '/a;v=1;w/b'],
    ['/100%25/%2a', '/100%25/*'],
    ['/a%20b/a+b', '/a b/a+b'],
    ['/a%252Fb', '/a%252Fb'],
    ['/%3F%23', '/?#'],
  ]
  for (const [path, canonical] of accepted) t.equal(checkServicePath(path), canonical, path)
  t.equal(
    checkServicePath('/u/https%3a%2F%2fexample.org%2f', { allowEncodedSlash: true }),
    '/u/https:%2F%2Fexample.org%2F',
  )
  const dots = [
    '.',
    '..',
    '%2e',
    '%2E',
    '.%2e',
    '%2e.',
    '%2e%2E',
    '%252e%252e',
    '..;x',
    '..%3bx',
    '%2e%2e;',
    '..%20',
    '%20.',
  ]
  for (const dot of dots) {
    for (const path of [`/${dot}`, `/a/${dot}/b`, `/a/${dot}/`, `/a%2F${dot}`, `/${dot}%2Fa`]) {
      t.equal(
        codeOf(() => checkServicePath(path, { allowEncodedSlash: true })),
        'invalid_path',
        path,
      )
    }
  }
  const refused = [
    '/a/x%252f..%252fsecret',
    '/a/x%255C%252e%252e%255csecret',
    '//',
    '/a//b',
    '//a',
    '/a//',
    '/;/a',
    '/;x',
    '/a/;x/b',
    '/a\\b',
    '/a%5cb',
    '/a%5Cb',
    '/%00',
    '/a%00.json',
    '/%0d%0a',
    '/%7f',
    '/%c2%85',
    '/%',
    '/%1',
    '/%zz',
    '/%c0%af',
    '/%ed%a0%80',
    '/a b',
    '/\u00f5',
    '/a#b',
    '/a?b',
    '/a[1]',
    '/"',
    'a',
    '/a%2fb',
    '/%2F',
  ]
  for (const path of refused)
    t.equal(
      codeOf(() => checkServicePath(path)),
      'invalid_path',
      path,
    )
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('.', '%2e', '/', '%2F', ';', 'a', '%61', '%20', '%25', '\\'), {
        maxLength: 8,
      }),
      (parts) => {
        const path = `/${parts.join('')}`
        if (codeOf(() => checkServicePath(path, { allowEncodedSlash: true })) !== 'accepted') return true
        // WHATWG URL resolution is a reader that folds dot segments, encoded ones too: it must find nothing
        // to fold.
        return new URL(path, 'http://h').pathname === path
      },
    ),
    { numRuns: 5_000 },
  )
})

void t.test('path globs', async (t) => {
  const xroad: [string, string, boolean][] = [
    ['**', '', true],
    ['***', 'match/anything/*', true],
    ['**', '/a/b/c', true],
    ['/*/', '/a/', true],
    ['/*/', '/a/b/', false],
    ['', '', true],
    ['', ' ', false],
    ['.^$+{[]|()', '.^$+{[]|()', true],
    ['**/bar/**', 'a/b/c/bar/e/f', true],
    ['**/bar/**', 'a/b/c/foo/e/f', false],
    ['**\\*', '/what/ever*', true],
    ['**\\*', '/what/ever!', false],
    ['simple', 'simple', true],
    ['simple', 'prefix.simple.suffix', false],
    ['**/*/**', 'something/bar/something/else', true],
    ['**/*/**', '/bar/', true],
    ['**/*/**', '//', true],
    ['**/*/**', 'something/else', false],
    ['\\A', '\\A', true],
    ['\\*', '*', true],
    ['\\*', '\\*', false],
    ['\\\\', '\\', true],
    ['aa\\', 'aa\\', true],
    ['/a?', '/a?', true],
    ['/a?', '/', false],
  ]
  for (const [pattern, path, verdict] of xroad)
    t.equal(matchPathGlob(pattern, path), verdict, `${pattern} ${path}`)
  const character = fc.constantFrom('*', '*', '/', 'a', 'b', '\\', '.')
  fc.assert(
    fc.property(
      fc.array(character, { maxLength: 9 }),
      fc.array(fc.constantFrom('/', 'a', 'b', '*', '\\', '.'), { maxLength: 10 }),
      (pattern, path) =>
        matchPathGlob(pattern.join(''), path.join('')) === oracle(pattern.join(''), path.join('')),
    ),
    { numRuns: 20_000 },
  )
  const long = '/a'.repeat(4_000)
  for (const pattern of [`${'**a'.repeat(300)}b`, `${'**/*/a'.repeat(150)}b`, `**${'/*'.repeat(500)}b`]) {
    t.equal(matchPathGlob(pattern, long), false)
  }
  t.throws(() => matchPathGlob('a'.repeat(2_000), '/'), { code: 'invalid_input' })
  t.throws(() => checkPathGlob('/a/*.json'), { code: 'invalid_input' })
  t.equal(checkPathGlob('/a/*/**.json'), '/a/*/**.json')
})

/**
 * The regular expression that X-Road builds; a look-ahead with a back reference stands for its possessive
 * star.
 */
function oracle(glob: string, path: string): boolean {
  let group = 0
  const source = glob.replace(/\\[*\\]|\*{2,}|[\s\S]/g, (token) => {
    if (token.startsWith('**')) return '[^]*'
    if (token === '*') return `(?=([^/]*))\\${++group}(?:)`
    return (token.length === 2 ? token.slice(1) : token).replace(/[\\*.^$+?{}[\]|()/]/, '\\$&')
  })
  return new RegExp(`^${source}$`).test(path)
}
