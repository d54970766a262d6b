/**
 * Of ECMAScript 2026: JSON.stringify writes the text as it is. The value has it as its property `rawJSON`.
 */
interface JSON {
  rawJSON(text: string): object
  isRawJSON(value: unknown): value is { rawJSON: string }
}
