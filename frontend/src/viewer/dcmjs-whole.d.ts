/** dcmjs itself, by the name that vite.config.ts gives it. */
declare module 'dcmjs-whole' {
  export const async: { AsyncDicomReader: unknown }
  export const constants: unknown
  export const data: { DicomMetaDictionary: unknown }
  export const log: unknown
  export const utilities: { DicomMetadataListener: unknown }
}
