/** Text as it stands between tags or in an attribute. What XML 1.0 cannot carry has to be kept out before. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\r]/g, (mark) => ENTITY[mark]!)
}

const ENTITY: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  // Who reads it would take a plain one for a line feed (XML 1.0 section 2.11).
  '\r': '&#13;',
}
