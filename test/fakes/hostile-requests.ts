/** What a hostile information system sends: ambiguous paths, and requests that hide another one. */

/** Paths below a service of which only `/public/*` is granted. */
export function hostilePaths(): string[] {
  const dots = [
    '..',
    '%2e%2e',
    '%2E%2e',
    '.%2e',
    '%2e.',
    '%252e%252e',
    '..;',
    '..;x=1',
    '%2e%2e;a',
    '...',
    '. .',
    '..%20',
    '.',
    '%2e',
    '..%00',
    '%c0%ae%c0%ae',
    '%u002e%u002e',
    '..%5c',
    '..\\',
    '%2e%2e%2f',
    '..%2f..',
  ]
  const slashes = [
    '//',
    '/%2f',
    '/%2F',
    '/%5c',
    '/\\',
    '/;/',
    '/%00/',
    '/%0a',
    '/%0d%0a',
    '/%09',
    '/%7f',
    '/%c2%85',
    '/%ff',
    '/%',
    '/%4',
    '/%zz',
    '/{x}',
    '/"x"',
    '/<x>',
    '/x|y',
    '/x^y',
    '/`x`',
  ]
  const tails = ['secret', 'public/a', '../secret', '%2e%2e/secret', 'public/%2e%2e/secret']
  const paths: string[] = []
  for (const dot of dots) {
    paths.push(
      `/public/${dot}/secret`,
      `/public/${dot}`,
      `/${dot}/files/public/a`,
      `/public/a/${dot}/${dot}/secret`,
    )
    paths.push(`/${dot}`, `/public/x${dot}/../secret`)
  }
  for (const slash of slashes)
    for (const tail of tails) paths.push(`/public${slash}${tail}`, `${slash}public/${tail}`)
  const simple = [
    '/PUBLIC/a',
    '/Public/a',
    '/public',
    '/public/',
    '/public/a/',
    '/public/a/b',
    '/secret',
    '',
    '/',
    '/public.',
    '/public%20/a',
    '/inbox',
    '/publi%63/../secret',
  ]
  paths.push(...simple)
  return paths
}

/** Each form tries to hide a second request from the reader of the first; `base` is a service's target. */
export function smuggling(
  client: string,
  base: string,
): { head: string; post: string; forms: Record<string, string> } {
  const head = `Host: x\r\nX-Road-Client: ${client}\r\n`
  const hidden = `GET ${base}/public/smuggled HTTP/1.1\r\n${head}\r\n`
  const post = `POST ${base}/inbox HTTP/1.1\r\n${head}`
  const forms = {
    'two lengths': `${post}Content-Length: 3\r\nContent-Length: 40\r\n\r\nabc${hidden}`,
    'length and chunks': `${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    'chunks and length': `${post}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n${hidden}`,
    'chunked twice': `${post}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n${hidden}`,
    'chunked, then identity': `${post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
    xchunked: `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
    'space before the colon': `${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${hidden}`,
    'folded header': `${post}X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    'bare line feeds': `${post.replaceAll('\r\n', '\n')}Content-Length: 0\n\n${hidden}`,
    'negative length': `${post}Content-Length: -3\r\n\r\n${hidden}`,
    'signed length': `${post}Content-Length: +3\r\n\r\nabc${hidden}`,
    'hexadecimal length': `${post}Content-Length: 0x3\r\n\r\nabc${hidden}`,
    'huge chunk size': `${post}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n${hidden}`,
    'chunk without end': `${post}Transfer-Encoding: chunked\r\n\r\n3\r\nabcX${hidden}`,
    'null in a header': `${post}X: a\0b\r\nContent-Length: 0\r\n\r\n${hidden}`,
    'carriage return in a header': `${post}X: a\rContent-Length: 5\r\n\r\n${hidden}`,
    'HTTP/2 preface': `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`,
    'no HTTP': `\x16\x03\x01\x02\x00\x01\x00${hidden}`,
    'no version': `GET ${base}/public/a\r\n${head}\r\n${hidden}`,
    'space in the target': `GET ${base}/public/a b HTTP/1.1\r\n${head}\r\n${hidden}`,
    'two hosts': `${post}Host: y\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    'another coding': `${post}Transfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`,
    'chunks of HTTP/1.0': `${post.replace('HTTP/1.1', 'HTTP/1.0')}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'behind a refused body': `POST /nothing HTTP/1.1\r\n${head}Content-Length: 3\r\n\r\nabc${hidden}`,
    connect: `CONNECT 127.0.0.1:80 HTTP/1.1\r\n${head}\r\n${hidden}`,
  }
  return { head, post, forms }
}
