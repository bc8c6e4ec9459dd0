package template

import (
	"maps"
	"slices"
	"text/template/parse"
)

// Fields are the fields of a row that the expressions name, in order. What stands
// within a with is of another value and left out, unless it begins with $.
func (e *Expressions) Fields() []string {
	found := make(fields)
	for _, expr := range e.texts {
		found.of(expr)
	}
	for _, slots := range [][]slot{e.header, e.body, e.buttons} {
		for _, s := range slots {
			found.of(s.expr)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

type fields map[string]bool

func (f fields) of(e *Expr) {
	if e.template != nil {
		f.walk(e.template.Root, true)
	}
}

// walk notes the fields of a node; row says that a dot is the row.
func (f fields) walk(n parse.Node, row bool) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil { // as where there is no else
			for _, node := range n.Nodes {
				f.walk(node, row)
			}
		}
	case *parse.ActionNode:
		f.walk(n.Pipe, row)
	case *parse.IfNode:
		f.branch(&n.BranchNode, row, row)
	case *parse.WithNode:
		f.branch(&n.BranchNode, row, false)
	case *parse.PipeNode:
		for _, command := range n.Cmds {
			for _, arg := range command.Args {
				f.walk(arg, row)
			}
		}
	case *parse.ChainNode:
		f.walk(n.Node, row)
	case *parse.FieldNode:
		if row {
			f[n.Ident[0]] = true
		}
	case *parse.VariableNode: // $, the row, is the only one
		if len(n.Ident) > 1 {
			f[n.Ident[1]] = true
		}
	}
}

func (f fields) branch(n *parse.BranchNode, row, within bool) {
	f.walk(n.Pipe, row)
	f.walk(n.List, within)
	f.walk(n.ElseList, row)
}
