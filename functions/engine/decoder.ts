import accessors from '@duckdb/node-api/lib/vectors/dataAccessors.js';

// The client decodes texts with a TextDecoder of default options, which takes a U+FEFF at a text's start for a byte order mark and drops it: the values
// '\ufeffa' and 'a' would become one. It reads its decoder from this export at each text, and offers no option for it; nobody else uses the export.
Object.assign(accessors, { textDecoder: new TextDecoder('utf-8', { ignoreBOM: true }) });
