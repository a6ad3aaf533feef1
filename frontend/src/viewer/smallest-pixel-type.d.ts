/** The worker's own choice of a type, by the name that vite.config.ts gives it. */
declare module 'smallest-pixel-type' {
  export default function smallestType(low: number, high: number): unknown
}
