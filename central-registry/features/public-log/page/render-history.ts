/**
 * Writes the page "How to check that nobody rewrote history": plain HTML without scripts, readable by every
 * browser and screen reader.
 */
import { hash } from 'node:crypto'
import type { CosignerAlgorithm } from '#core/merkle/cosigner-key.ts'
import { fill, LANGUAGES, type Language, textsIn } from './texts.ts'

/** What the page shows; all of it is public. */
export type History = {
  origin: string
  verifierKey: string
  /** Keys of before that verifiers still accept. */
  olderKeys: string[]
  publicUrl: string
  newest: { size: number; root: string; madeAt: string; hasQuorum: boolean } | undefined
  days: { count: number; first: string | undefined }
  /** Undefined when the settings name no witnesses. */
  witnesses:
    | { name: string; algorithm: CosignerAlgorithm; size: number; cosignedAt: string | null }[]
    | undefined
  /** Members' security servers that cosign, with the newest size that each saw. */
  servers: { server: string; size: number; cosignedAt: string }[]
  /** Of all of them. */
  serverCount: number
  /** Names of witnesses that know another history. */
  contradicting: string[]
  yesterday: string
}

const MOST_SERVERS = 100

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #8a929c; --link: #0b4fa8; --mark: #8f1d0e }
@media (prefers-color-scheme: dark) { :root { --ink: #e9ecef; --paper: #15181c; --line: #77808a; --link: #8fbdff; --mark: #ff9d8f } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.55 system-ui, sans-serif }
main, nav { max-width: 46rem; margin: 0 auto; padding: 1rem }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; margin: 0 }
nav a, .files a { display: inline-block; padding: .25rem 0; min-height: 1.75rem }
a { color: var(--link) } a:focus-visible, pre:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
h1 { font-size: 1.75rem; line-height: 1.2 } h2 { font-size: 1.25rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .5rem; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: minmax(8rem, auto) 1fr; gap: .25rem 1rem } dt { font-weight: 600 } dd { margin: 0 }
code, .long { overflow-wrap: anywhere } pre { border: 1px solid var(--line); padding: .75rem; white-space: pre-wrap; overflow-wrap: anywhere }
.about { display: block; font-weight: 400 }
.wrong { border-left: .3rem solid var(--mark); padding-left: .75rem; color: var(--mark); font-weight: 600 }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr } dd { margin-bottom: .5rem } }
`

/** The policy under which a browser shows it: this style sheet and nothing else. */
export const PAGE_POLICY = [
  `default-src 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'`,
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
].join('; ')

export function renderHistory(history: History, language: Language): string {
  const t = textsIn(language)
  const { origin, verifierKey, publicUrl, yesterday } = history
  const url = publicUrl.replace(/\/+$/, '')
  const links = LANGUAGES.map(([code, name]) =>
    code === language
      ? `<li lang="${code}"><strong aria-current="page">${name}</strong></li>`
      : `<li><a href="?lang=${code}" lang="${code}" hreflang="${code}">${name}</a></li>`,
  )
  const files: [string, string][] = [
    ['log/checkpoint', t.newestFile],
    [`log/days/${yesterday}`, t.dayFile],
    ['log/key', t.keyFile],
    ['log/keys', t.keysFile],
    ['log/witnesses', t.serversFile],
    ['.well-known/did.json', t.instanceFile],
  ]
  const check = `concordat log check ${url} --log-key '${verifierKey}' --state history.state`
  const one = `curl -o entry.tlog-proof ${url}/log/proof/0\nconcordat verify entry.tlog-proof --log-key '${verifierKey}'`
  return `<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${html(t.title)}</title><style>${STYLE}</style></head>
<body>
<nav aria-label="${html(t.language)}"><ul>${links.join('')}</ul></nav>
<main>
<h1>${html(t.title)}</h1>
<p>${html(t.lead)}</p>
${history.contradicting.map((name) => `<p class="wrong" role="alert">${html(fill(t.wrong, name))}</p>`).join('')}
<h2>${html(t.newestTitle)}</h2>
${newestPart(history, language)}
<h2>${html(t.witnessesTitle)}</h2>
${witnessPart(history, language)}
${serverPart(history, language)}
<h2>${html(t.howTitle)}</h2>
<p>${html(t.howLead)}</p>
<p id="command">${html(t.howCommand)}</p>
<pre tabindex="0" role="region" aria-labelledby="command"><code>${html(check)}</code></pre>
<p>${html(t.howKey)}</p>
<p class="long"><code>${html(verifierKey)}</code></p>
${history.olderKeys.length === 0 ? '' : `<p>${html(t.olderKeys)}</p>`}
${history.olderKeys.map((key) => `<p class="long"><code>${html(key)}</code></p>`).join('')}
<h2 id="one">${html(t.oneTitle)}</h2>
<p>${html(t.oneLead)}</p>
<pre tabindex="0" role="region" aria-labelledby="one"><code>${html(one)}</code></pre>
<h2>${html(t.filesTitle)}</h2>
<ul class="files">${files.map(([file, text]) => `<li><a href="${html(file)}">${html(text)}</a></li>`).join('')}</ul>
<p class="long"><code>${html(origin)}</code></p>
</main>
</body>
</html>
`
}

function newestPart({ newest, days }: History, language: Language): string {
  const t = textsIn(language)
  if (newest === undefined) return `<p>${html(t.none)}</p>`
  const rows: [string, string][] = [
    [t.entries, newest.size.toLocaleString(language)],
    [t.signedAt, timeIn(newest.madeAt, language)],
    [t.root, newest.root],
    [t.days, fill(t.daysSince, String(days.count), days.first ?? '')],
  ]
  return `<dl>${rows.map(([term, text]) => `<dt>${html(term)}</dt><dd class="long">${html(text)}</dd>`).join('')}</dl>`
}

function witnessPart({ witnesses, newest }: History, language: Language): string {
  const t = textsIn(language)
  if (witnesses === undefined) return `<p>${html(t.noWitnesses)}</p>`
  const rows = witnesses.map(({ name, algorithm, size, cosignedAt }) => {
    const seen = cosignedAt === null ? t.never : timeIn(cosignedAt, language)
    const lasting = algorithm === 'ed25519' ? '' : `<span class="about">${html(t.lasting)}</span>`
    return `<tr><th scope="row" class="long">${html(name)}${lasting}</th><td>${size.toLocaleString(language)}</td><td>${html(seen)}</td></tr>`
  })
  const head = [t.witness, t.saw, t.when].map((text) => `<th scope="col">${html(text)}</th>`).join('')
  return `<p>${html(t.witnessesLead)}</p>
<table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>
<p>${html(newest?.hasQuorum === true ? t.quorumYes : t.quorumNo)}</p>`
}

/** The newest ones by size; more than a page can hold are counted. */
function serverPart({ servers, serverCount }: History, language: Language): string {
  const t = textsIn(language)
  if (servers.length === 0) return ''
  const shown = servers.toSorted((a, b) => b.size - a.size).slice(0, MOST_SERVERS)
  const rows = shown.map(
    ({ server, size, cosignedAt }) =>
      `<tr><th scope="row" class="long">${html(server)}</th><td>${size.toLocaleString(language)}</td><td>${html(timeIn(cosignedAt, language))}</td></tr>`,
  )
  const head = [t.server, t.saw, t.when].map((text) => `<th scope="col">${html(text)}</th>`).join('')
  return `<p>${html(fill(t.serversLead, serverCount.toLocaleString(language)))}</p>
<table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`
}

/** In UTC, since readers sit anywhere. */
function timeIn(iso: string, language: Language): string {
  const options = { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' } as const
  return `${new Intl.DateTimeFormat(language, options).format(new Date(iso))} UTC`
}

function html(text: string): string {
  const NAMES: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (character) => NAMES[character]!)
}
