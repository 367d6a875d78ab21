/** Attribute values of OpenTelemetry: a primitive or a flat array of one kind. */
export type AttributeValue = string | number | boolean | readonly (string | number | boolean | null | undefined)[];
export type Attributes = Record<string, AttributeValue | undefined>;
