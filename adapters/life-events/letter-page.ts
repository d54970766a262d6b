/**
 * A letter as HTML for print, on A4. Guarantees that nothing which a register or an event said becomes
 * markup.
 */
import type { Texts } from '#schemas/offers.ts'
import type { RuleSettings } from './settings.ts'
import type { KeptOffer } from './store.ts'

const STYLE = `@page { size: A4; margin: 25mm 20mm }
body { font: 12pt/1.5 serif; color: #000 }
address { font-style: normal; min-height: 35mm }
h1 { font-size: 15pt }
.code { font: bold 16pt/2 monospace; letter-spacing: 1pt }
.small { font-size: 10pt }`

export function letterPage(
  rule: RuleSettings,
  q: { address: readonly string[]; code: string; offer: KeptOffer; date: Date },
): string {
  const { letter, title, text, why, legalBasis } = rule
  const { language } = letter!
  const say = (texts: Texts): string =>
    paragraphs((texts[language] ?? '').replaceAll('{until}', day(q.offer.endsAt)))
  const day = (time: string | Date): string =>
    new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(time))
  return `<!doctype html>
<html lang="${plain(language)}">
<head><meta charset="utf-8"><title>${plain(title[language] ?? '')}</title><style>${STYLE}</style></head>
<body>
<address>${q.address.map(plain).join('<br>')}</address>
<p>${plain(day(q.date))}</p>
<h1>${plain(title[language] ?? '')}</h1>
${say(text)}
${say(why)}
${say(letter!.text)}
<p class="code">${plain(q.code)}</p>
${letter!.page === undefined ? '' : say(letter!.page)}
${say(letter!.counter)}
<p class="small">${plain(legalBasis)}</p>
</body>
</html>
`
}

function paragraphs(text: string): string {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => `<p>${plain(line)}</p>`)
    .join('\n')
}

const MARKS: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function plain(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => MARKS[mark]!)
}
