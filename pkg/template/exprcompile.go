package template

import (
	"fmt"
	"strings"
	"text/template/parse"
	"unicode/utf8"
)

// compiler turns the nodes it knows into steps and refuses all others, so what a
// later Go adds to text/template is refused until somebody allows it.
type compiler struct{ key, source string }

func (c *compiler) at(n parse.Node) where {
	before := c.source[:min(int(n.Position()), len(c.source))]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return where{
		key:    c.key,
		line:   1 + strings.Count(before, "\n"),
		column: 1 + utf8.RuneCountInString(line),
	}
}

func (c *compiler) list(n *parse.ListNode) ([]step, error) {
	if n == nil {
		return nil, nil
	}
	var steps []step
	for _, node := range n.Nodes {
		s, err := c.node(node)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func (c *compiler) node(n parse.Node) (step, error) {
	switch n := n.(type) {
	case *parse.TextNode:
		return step{literal: string(n.Text)}, nil
	case *parse.ActionNode:
		value, err := c.pipe(n.Pipe)
		return step{value: value, at: c.at(n.Pipe)}, err
	case *parse.IfNode:
		return c.branch(&n.BranchNode, false)
	case *parse.WithNode:
		return c.branch(&n.BranchNode, true)
	case *parse.RangeNode:
		return step{}, c.at(n.Pipe).error("range is not part of expressions: they have no loops")
	}
	return step{}, c.at(n).error(name(n) + " is not part of expressions")
}

// name is the source of a node, cut short.
func name(n parse.Node) string {
	s := n.String()
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

func (c *compiler) branch(n *parse.BranchNode, with bool) (step, error) {
	cond := &condition{with: with}
	var err error
	if cond.value, err = c.pipe(n.Pipe); err != nil {
		return step{}, err
	}
	if cond.then, err = c.list(n.List); err != nil {
		return step{}, err
	}
	if cond.other, err = c.list(n.ElseList); err != nil {
		return step{}, err
	}
	return step{cond: cond}, nil
}

// pipe hands each command's value to the next as its last argument.
func (c *compiler) pipe(n *parse.PipeNode) (eval, error) {
	if len(n.Decl) > 0 {
		return nil, c.at(n).error("variables are not part of expressions; $ is the whole row")
	}
	var value eval
	for _, command := range n.Cmds {
		next, err := c.command(command, value)
		if err != nil {
			return nil, err
		}
		value = next
	}
	return value, nil
}

func (c *compiler) command(n *parse.CommandNode, last eval) (eval, error) {
	if id, ok := n.Args[0].(*parse.IdentifierNode); ok {
		return c.call(id, n.Args[1:], last)
	}
	if last != nil || len(n.Args) > 1 {
		return nil, c.at(n.Args[0]).error(name(n.Args[0]) + " is no function and takes no argument")
	}
	return c.operand(n.Args[0])
}

func (c *compiler) call(id *parse.IdentifierNode, nodes []parse.Node, last eval) (eval, error) {
	at := c.at(id)
	var args []eval
	for _, node := range nodes {
		arg, err := c.operand(node)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	if last != nil {
		args = append(args, last)
	}
	fn, ok := functionNamed(id.Ident)
	if !ok {
		return nil, at.error(fmt.Sprintf("no function is called %q; there are %s", id.Ident, functionNames))
	}
	if len(args) < fn.min || fn.max > 0 && len(args) > fn.max {
		return nil, at.error(id.Ident + " takes " + fn.usage)
	}
	if fn.stop != nil {
		return shortCircuit(args, fn.stop), nil
	}
	return apply(at, id.Ident, fn, args), nil
}

// apply evaluates the arguments, then the function.
func apply(at where, name string, fn function, args []eval) eval {
	return func(w env) (any, error) {
		var space [4]any
		values := space[:0]
		for _, arg := range args {
			v, err := arg(w)
			if err != nil {
				return nil, err
			}
			values = append(values, v)
		}
		result, err := fn.call(values)
		if err != nil {
			return nil, at.error(name + ": " + err.Error())
		}
		if s, ok := result.(string); ok && len(s) > maxValue {
			return nil, at.error(fmt.Sprintf("%s: yields more than %d bytes", name, maxValue))
		}
		return result, nil
	}
}

// shortCircuit is and, or: the value of the first argument that decides.
func shortCircuit(args []eval, stop func(any) bool) eval {
	return func(w env) (v any, err error) {
		for _, arg := range args {
			if v, err = arg(w); err != nil || stop(v) {
				return v, err
			}
		}
		return v, nil
	}
}

func (c *compiler) operand(n parse.Node) (eval, error) {
	switch n := n.(type) {
	case *parse.FieldNode:
		return fields(func(w env) (any, error) { return w.dot, nil }, n.Ident, c.at(n)), nil
	case *parse.VariableNode:
		if n.Ident[0] != "$" {
			break
		}
		return fields(func(w env) (any, error) { return w.root, nil }, n.Ident[1:], c.at(n)), nil
	case *parse.ChainNode:
		inner, err := c.operand(n.Node)
		return fields(inner, n.Field, c.at(n)), err
	case *parse.PipeNode:
		return c.pipe(n)
	case *parse.IdentifierNode:
		return c.call(n, nil, nil)
	case *parse.DotNode:
		return func(w env) (any, error) { return w.dot, nil }, nil
	case *parse.StringNode:
		return constant(n.Text), nil
	case *parse.BoolNode:
		return constant(n.True), nil
	case *parse.NumberNode:
		switch {
		case n.Text[0] == '\'': // a character's number, which is never meant
			return nil, c.at(n).error(name(n) + ` must stand in double quotes: "…"`)
		case n.IsInt:
			return constant(n.Int64), nil
		case n.IsFloat:
			return constant(n.Float64), nil
		}
	}
	return nil, c.at(n).error(name(n) + " is not part of expressions")
}

func constant(v any) eval { return func(env) (any, error) { return v, nil } }

// fields reads one field of another. Only maps have fields: a method of whatever
// value a caller puts into a row is never called.
func fields(from eval, names []string, at where) eval {
	if len(names) == 0 {
		return from
	}
	return func(w env) (any, error) {
		v, err := from(w)
		for i := 0; err == nil && i < len(names); i++ {
			var problem error
			if v, problem = field(v, names[i]); problem != nil {
				err = at.error(problem.Error())
			}
		}
		return v, err
	}
}

func field(v any, name string) (any, error) {
	var inner any
	found := false
	switch m := v.(type) {
	case map[string]any:
		inner, found = m[name]
	case map[string]string:
		var s string
		s, found = m[name]
		inner = s
	default:
		return nil, fmt.Errorf("%q is asked of a value that has no fields", name)
	}
	if !found {
		return nil, fmt.Errorf("there is no field %q", name)
	}
	return inner, nil
}
