/** Text as it stands between tags or in an attribute. What XML 1.0 cannot carry has to be kept out before. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => ENTITY[mark]!)
}

const ENTITY: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}
