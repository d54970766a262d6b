/** Of ECMAScript 2026: JSON.stringify writes the text as it is. */
interface JSON {
  rawJSON(text: string): object
}
