package job

import _ "embed" // the schemas

var (
	//go:embed schema/job.v1.json
	jobSchema string
	//go:embed schema/event.v1.json
	eventSchema string
)

// Schema is the JSON Schema (2020-12) of a job. It says what a schema can say of
// the rules in [Job.Validate]: it knows no sizes in bytes and cannot compare times.
func Schema() []byte { return []byte(jobSchema) }

// EventSchema is the JSON Schema (2020-12) of an [Event].
func EventSchema() []byte { return []byte(eventSchema) }
